package main

import "github.com/wellweek/wellweek/api"

type openapiCommand struct {
	JSON bool `name:"json" help:"Print JSON instead of YAML."`
}

// Run prints the document that a running server answers at /openapi.yaml and /openapi.json.
func (c openapiCommand) Run(p *program) error {
	yaml, json, err := api.OpenAPI()
	if err != nil {
		return err
	}
	if c.JSON {
		yaml = json
	}
	_, err = p.stdout.Write(yaml)
	return err
}

package notify

import (
	"embed"
	"io/fs"
)

//go:embed schema
var schema embed.FS

// Schema is this room's tables: a folder for each engine.
func Schema() fs.FS {
	sub, err := fs.Sub(schema, "schema")
	if err != nil {
		panic(err) // only for a name that is no path
	}
	return sub
}

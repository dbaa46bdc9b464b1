package store

import (
	"embed"
	"io/fs"
)

//go:embed schema
var schema embed.FS

// Files is the schema of this room, as migrations per engine.
func Files() fs.FS {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		panic(err) // the path is a constant that fs.ValidPath accepts
	}
	return files
}

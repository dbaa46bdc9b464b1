package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs/store"
)

var problemType = reflect.TypeFor[door.Problem]()

// Page is one page of a list. Items is never null; NextCursor is null on the last page.
type Page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor" doc:"The cursor of the next page; null on the last one"`
}

// page is the answer of a list.
type page[T any] struct {
	Body Page[T]
}

// pageOf is the only constructor of a page: nil becomes an empty list.
func pageOf[F, T any](list []F, cursor string, form func(F) T) *page[T] {
	out := &page[T]{}
	out.Body.Items = make([]T, 0, len(list))
	for _, f := range list {
		out.Body.Items = append(out.Body.Items, form(f))
	}
	if cursor != "" {
		out.Body.NextCursor = &cursor
	}
	return out
}

// Paging are the query parameters of every list.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items a page has at most"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"The next_cursor of the page before"`
}

func (p Paging) page() store.Page { return store.Page{Limit: p.Limit, Cursor: p.Cursor} }

// tags are the groups of operations, in the order in which people meet them.
func tags() []*huma.Tag {
	return []*huma.Tag{
		{Name: "Programs", Description: "Standing offers, and who coordinates them."},
		{Name: "Series", Description: "Patterns of dates in one time zone, and the template of their sessions."},
		{Name: "Sessions", Description: "Dated meetings."},
		{Name: "Sign-ups", Description: "Seats and the waiting list."},
		{Name: "Enrollments", Description: "Standing sign-ups for every date of a series, minus the skipped ones."},
		{Name: "Changes", Description: "What coordinators saved, and its undo while the mail is held."},
		{Name: "Me", Description: "What belongs to the person who asks."},
		{Name: "People", Description: "The directory."},
		{Name: "Mail", Description: "What was sent, and what became of it."},
		{Name: "Audit", Description: "Who did what, and when."},
	}
}

package programs

import "sort"

// Taken is a stretch of time that something else needs: a place, or a person who leads.
type Taken struct {
	StartsAt Instant
	EndsAt   Instant
	What     string // one sentence for people: what is taken by what
}

// Clashes says for each occurrence what it overlaps, as sentences. Intervals are half-open: back to back is no clash (T6).
// Skipped dates clash with nothing. taken is in order of StartsAt.
func Clashes(dates []Occurrence, taken []Taken) [][]string {
	out := make([][]string, len(dates))
	for i, d := range dates {
		if d.Skipped {
			continue
		}
		end := sort.Search(len(taken), func(k int) bool { return taken[k].StartsAt >= d.EndsAt })
		for _, t := range taken[:end] {
			if t.EndsAt > d.StartsAt {
				out[i] = append(out[i], t.What)
			}
		}
	}
	return out
}

// PreviewStatus is what would become of one date of a series.
type PreviewStatus string

// The statuses of a previewed date.
const (
	FreeDate    PreviewStatus = "free"
	ClashDate   PreviewStatus = "clash"
	SkippedDate PreviewStatus = "skipped"
)

// Preview says in words and dates what a series would be. Making it writes nothing.
type Preview struct {
	Summary  string
	Sessions []PreviewSession // by start
}

// PreviewSession is one date of a preview.
type PreviewSession struct {
	Occurrence
	Status PreviewStatus
	Notes  []string
}

// NewPreview puts dates and their clashes together.
func NewPreview(summary string, dates []Occurrence, clashes [][]string) Preview {
	p := Preview{Summary: summary, Sessions: make([]PreviewSession, len(dates))}
	for i, d := range dates {
		s := PreviewSession{Occurrence: d, Status: FreeDate, Notes: append(d.Notes(), clashes[i]...)}
		switch {
		case d.Skipped:
			s.Status = SkippedDate
			s.Notes = append(s.Notes, "This date is one of the skip dates.")
		case len(clashes[i]) > 0:
			s.Status = ClashDate
		}
		p.Sessions[i] = s
	}
	return p
}

package api

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wellweek/wellweek/calendar"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// edition is what, besides the feed itself, its bytes follow.
type edition struct {
	revision int64
	monday   programs.Date
}

// answer is one edition of one feed, ready to be sent. Its compressed form is made when somebody first wants it, and once.
type answer struct {
	at    edition
	plain []byte
	gzip  func() []byte
}

// sessionList is the part of a feed that all its readers share: its fragments in order. The program's thousand readers have
// thousand headers and one list.
type sessionList struct {
	at        edition
	fragments [][]byte
	program   string // its name, of a program feed
	zone      string // of its newest series; empty without sessions
}

// fragmentKey names everything a fragment's bytes follow.
type fragmentKey struct {
	session  programs.SessionID
	revision int64
	givenUp  int
	names    string // the program's and those of who leads: a person can be renamed without the session's knowing
}

// build returns the document of a feed at an edition, from memory when it is there.
func (f *feeds) build(ctx context.Context, feed programs.Feed, at edition) (*answer, error) {
	if a, ok := f.answers.get(feed.ID); ok && a.at == at {
		return a, nil
	}
	made, err, _ := f.flight.Do(string(feed.ID)+" "+strconv.FormatInt(at.revision, 10)+" "+at.monday.String(), func() (any, error) {
		if a, ok := f.answers.get(feed.ID); ok && a.at == at {
			return a, nil
		}
		a, err := f.render(context.WithoutCancel(ctx), feed, at) // others wait for it too; statements have the store's own limits
		if err == nil {
			f.answers.put(feed.ID, a, len(a.plain)*5/4) // a quarter for the compressed form
		}
		return a, err
	})
	if err != nil {
		return nil, err
	}
	return made.(*answer), nil
}

// render puts a document together in memory. Nothing is sent before it is whole: half a calendar cannot be taken back.
func (f *feeds) render(ctx context.Context, feed programs.Feed, at edition) (*answer, error) {
	zone := ""
	if feed.Owner != "" && feed.Scope != programs.ProgramFeed { // whose revision does not follow its owner: there the series' zone stands
		p, err := store.Read(ctx, f.store, func(v *store.View) (programs.Person, error) { return v.Person(programs.System(), feed.Owner) })
		if err != nil {
			return nil, err
		}
		zone = p.TimeZone
	}
	list, err := f.list(ctx, feed, at)
	if err != nil {
		return nil, err
	}
	h := calendar.Header{ID: feed.ID, Created: feed.CreatedAt, TimeZone: cmp.Or(zone, list.zone, f.zone)}
	switch feed.Scope {
	case programs.ProgramFeed:
		h.Name, h.Description = list.program, "Every session of this program, kept up to date by Wellweek."
	case programs.Hosting:
		h.Name, h.Description = "Wellweek: sessions I lead", "The sessions you lead, kept up to date by Wellweek."
	default:
		h.Name, h.Description = "Wellweek: my sessions", "The sessions you have a place in, kept up to date by Wellweek."
	}
	plain := calendar.Feed(h, list.fragments)
	f.rendered.Add(1)
	return &answer{at: at, plain: plain, gzip: sync.OnceValue(func() []byte { return compress(plain) })}, nil
}

// list returns the fragments of a feed. Those of a program are kept: its next reader needs no SQL for them.
func (f *feeds) list(ctx context.Context, feed programs.Feed, at edition) (*sessionList, error) {
	if feed.Scope != programs.ProgramFeed {
		return f.readList(ctx, feed, at)
	}
	if l, ok := f.bodies.get(string(feed.Program)); ok && l.at == at {
		return l, nil
	}
	l, err := f.readList(ctx, feed, at)
	if err == nil {
		f.bodies.put(string(feed.Program), l, 64+24*len(l.fragments))
	}
	return l, err
}

func (f *feeds) readList(ctx context.Context, feed programs.Feed, at edition) (*sessionList, error) {
	l := &sessionList{at: at}
	sessions, err := store.Read(ctx, f.store, func(v *store.View) ([]store.FeedSession, error) {
		if feed.Scope == programs.ProgramFeed {
			p, err := v.Program(programs.System(), string(feed.Program))
			if err != nil {
				return nil, err
			}
			l.program = p.Name
		}
		return v.FeedSessions(feed)
	})
	if err != nil {
		return nil, err
	}
	var newest programs.SeriesID
	for _, s := range sessions {
		if s.Session.SeriesID >= newest { // ids of UUID version 7 sort by the time they were made
			newest, l.zone = s.Session.SeriesID, s.Session.TimeZone
		}
		fragment, err := f.fragment(s)
		if err != nil { // one bad record never spoils a feed for its readers
			f.skipped.Add(1)
			f.log.Error("a session is left out of a feed", "feed", string(feed.ID), "session", string(s.Session.ID))
			continue
		}
		l.fragments = append(l.fragments, fragment)
	}
	return l, nil
}

func (f *feeds) fragment(s store.FeedSession) ([]byte, error) {
	k := fragmentKey{s.Session.ID, s.Session.Revision, s.GivenUp, s.Program + "\n" + strings.Join(s.Facilitators, "\n")}
	if b, ok := f.fragments.get(k); ok {
		return b, nil
	}
	b, err := calendar.Fragment(calendar.Event{
		Session: s.Session, Program: s.Program, Facilitators: s.Facilitators, GivenUp: s.GivenUp,
		URL: f.publicURL + "/sessions/" + string(s.Session.ID),
	})
	if err != nil {
		return nil, err
	}
	if len(b) == 0 {
		return nil, errors.New("an empty fragment")
	}
	f.fragments.put(k, b, len(b)+len(k.names)+128)
	return b, nil
}

// compress is gzip without a name or a time in its header, so that the same document is the same bytes.
func compress(plain []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(plain) / 8)
	z := gzip.NewWriter(&b)
	_, _ = z.Write(plain) // into memory: neither call can fail
	_ = z.Close()
	return slices.Clip(b.Bytes())
}

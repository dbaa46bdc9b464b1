package api

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

// benchFeed is a program feed of 200 sessions, its path and its handler.
func benchFeed(b *testing.B) (*feeds, string) {
	b.Helper()
	clock := storetest.NewClock(monday)
	s, err := store.Open(b.Context(), store.Options{Database: storetest.SQLite(b), Now: clock.Now, Schemas: []store.Schema{{Room: "store", Files: store.Files()}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	token, hash := feedToken()
	if _, err := store.Write(context.WithoutCancel(b.Context()), s, func(tx *store.Tx) (bool, error) {
		p := programs.Defaults()
		p.Slug, p.Name, p.Kind = "yoga", "Yoga", programs.Wellness
		p, err := tx.AddProgram(programs.System(), p)
		if err != nil {
			return false, err
		}
		start, err := programs.ParseWall("2026-11-03T12:30")
		if err != nil {
			return false, err
		}
		if _, _, err := tx.Schedule(programs.System(), programs.Series{ProgramID: p.ID, RRule: "FREQ=DAILY;COUNT=200", Details: programs.Details{
			Title: "Lunchtime yoga", Description: "Bring a mat and comfortable clothes.", LocalStart: start, TimeZone: "Europe/Lisbon", DurationMinutes: 45, Location: "Oak room",
		}}); err != nil {
			return false, err
		}
		_, err = tx.AddFeed(programs.System(), programs.Feed{Scope: programs.ProgramFeed, Program: p.ID}, hash)
		return true, err
	}); err != nil {
		b.Fatal(err)
	}
	if err := s.LoadFeeds(b.Context()); err != nil {
		b.Fatal(err)
	}
	f := newFeeds(Deps{Store: s, PublicURL: "https://wellweek.example.org", TimeZone: "Europe/Lisbon", Log: slog.New(slog.DiscardHandler), Now: clock.Now})
	return f, "/feeds/" + token + ".ics"
}

// discard is a ResponseWriter that keeps nothing but its headers.
type discard struct {
	h     http.Header
	bytes int
}

func (d *discard) Header() http.Header { return d.h }

func (d *discard) WriteHeader(int) {}

func (d *discard) Write(b []byte) (int, error) { d.bytes += len(b); return len(b), nil }

func BenchmarkFeed304(b *testing.B) {
	f, path := benchFeed(b)
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("User-Agent", "Google-Calendar-Importer")
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("If-None-Match", ask(f, "GET", path, "Accept-Encoding", "gzip").Header.Get("Etag"))
	d := &discard{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		f.ServeHTTP(d, r)
	}
	if f.rendered.Load() != 1 || f.notModified.Load() == 0 || d.bytes != 0 {
		b.Fatal("this was no 304")
	}
}

// BenchmarkFeed200 gives kept bytes over a connection, and beside it a handler that knows nothing but those bytes.
func BenchmarkFeed200(b *testing.B) {
	f, path := benchFeed(b)
	for _, encoding := range []string{"identity", "gzip"} {
		bytes, err := io.ReadAll(ask(f, "GET", path, "Accept-Encoding", encoding).Body)
		if err != nil {
			b.Fatal(err)
		}
		static := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/calendar")
			w.Header().Set("Content-Length", fmt.Sprint(len(bytes)))
			_, _ = w.Write(bytes)
		})
		ns := map[string]float64{}
		for _, c := range []struct {
			name string
			h    http.Handler
		}{{"static", static}, {"feed", f}} {
			b.Run(encoding+"/"+c.name, func(b *testing.B) {
				server := httptest.NewServer(c.h)
				defer server.Close()
				client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
				r, err := http.NewRequestWithContext(b.Context(), "GET", server.URL+path, nil)
				if err != nil {
					b.Fatal(err)
				}
				r.Header.Set("Accept-Encoding", encoding)
				b.ReportAllocs()
				for b.Loop() {
					res, err := client.Do(r)
					if err != nil {
						b.Fatal(err)
					}
					n, err := io.Copy(io.Discard, res.Body)
					res.Body.Close()
					if err != nil || n != int64(len(bytes)) {
						b.Fatal(n, err)
					}
				}
				ns[c.name] = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
				if c.name == "feed" && ns["static"] > 0 {
					b.ReportMetric(ns["feed"]/ns["static"], "x-static")
				}
			})
		}
	}
}

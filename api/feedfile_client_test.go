package api

import (
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wellweek/wellweek/programs/store"
	"github.com/wellweek/wellweek/programs/store/storetest"
)

func TestFeedCompressed(t *testing.T) {
	t.Parallel()
	w := newFeedWorld(t, storetest.SQLite(t))
	path, _ := w.subscribe("ann", "program")
	plain := body(t, w.get("GET", path))
	for _, c := range []struct {
		accept, agent string
		want          bool
	}{
		{"", "", false},
		{"gzip", "", true},
		{"GZIP", "", true},
		{"deflate, gzip;q=0.5", "", true},
		{"br, *", "", true},
		{"x-gzip", "", true},
		{"identity", "", false},
		{"gzip;q=0", "", false},
		{"gzip; q=0.000", "", false},
		{"*;q=0", "", false},
		{"gzip;q=0, *", "", false},
		{"gzip", "Google-Calendar-Importer", true},
		{"gzip", "Mozilla/5.0 Thunderbird/128", true},
		{"gzip", "macOS/15 (24A335) CalendarAgent/988", true},
		{"gzip", "Microsoft.Exchange/15.20", false},
		{"gzip", "OUTLOOK-iOS/723", false},
		{"gzip", "Microsoft Office/16.0", false},
	} {
		r := w.get("GET", path, "Accept-Encoding", c.accept, "User-Agent", c.agent)
		text := body(t, r)
		if fmt.Sprint(len(text)) != r.Header.Get("Content-Length") {
			t.Errorf("%+v: Content-Length %s of %d", c, r.Header.Get("Content-Length"), len(text))
		}
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != c.want {
			t.Errorf("%+v: compressed %v", c, got)
		}
		if c.want {
			z, err := gzip.NewReader(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if text != plain {
			t.Errorf("%+v: other bytes", c)
		}
	}
	if n := w.feeds.rendered.Load(); n != 1 {
		t.Errorf("rendered %d times", n)
	}
}

// Who looked last is noted after the answer, as a family of clients, and flushed by a loop: a GET itself writes nothing.
func TestFeedFetched(t *testing.T) {
	t.Parallel()
	w := newFeedWorld(t, storetest.SQLite(t))
	path, id := w.subscribe("ann", "mine")
	w.clock.Add(time.Hour)
	tag := w.get("GET", path, "User-Agent", "Mozilla/5.0 (compatible; Google-Calendar-Importer)").Header.Get("Etag")
	w.clock.Add(time.Hour)
	w.get("GET", path, "User-Agent", "Mac OS X/10.15.7 (19H15) CalendarAgent/930.5.1", "If-None-Match", tag)
	fetched := func() (at, client any) {
		r := w.world.ask("ann", "GET", "/me/feeds", nil).is(200)
		if got := r.text("items.0.id"); got != id {
			t.Fatalf("feed %s", got)
		}
		return r.get("items.0.fetched_at"), r.get("items.0.client")
	}
	if at, _ := fetched(); at != nil {
		t.Errorf("a GET wrote %v", at)
	}
	if n, err := store.FlushFetches(t.Context(), w.store); n != 1 || err != nil {
		t.Errorf("flushed %d, %v", n, err)
	}
	if at, client := fetched(); at != "2026-11-02T11:00:00Z" || client != "apple" {
		t.Errorf("%v %v", at, client)
	}
}

func TestClientFamily(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"":                                     "other",
		"curl/8.5.0":                           "other",
		"Google-Calendar-Importer":             "google",
		"Microsoft.Exchange/15.20":             "microsoft",
		"Microsoft Office/16.0 (x)":            "microsoft",
		"Outlook-iOS":                          "microsoft",
		"iOS/17.4 (21E219) dataaccessd/1.0":    "apple",
		"macOS/14.5 (23F79) CalendarAgent/988": "apple",
		"Mozilla/5.0 Gecko/20100101 Thunderbird/115":  "thunderbird",
		"Mozilla/5.0 (X11; Linux x86_64) Firefox/128": "other",
	} {
		if got := clientFamily(agent); got != want {
			t.Errorf("%q: %s, want %s", agent, got, want)
		}
	}
}

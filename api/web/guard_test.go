package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Who sees which page, in a demo and not, with a relay and not, from here and from elsewhere.
func TestGuards(t *testing.T) {
	t.Parallel()
	w := full(t)
	session := "/sessions/" + string(w.demo.Full.ID)
	list, err := store.Read(t.Context(), w.store, func(v *store.View) ([]notify.Message, error) {
		list, _, err := notify.Messages(v, notify.MessageFilter{State: notify.Sent, Event: notify.Confirmed})
		return list, err
	})
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	letter := "/mail/" + list[0].ID
	mails := []string{"/mail", letter, letter + "/html", letter + "/message.eml", letter + "/invite.ics", "/mail/none"}
	tokens := map[string]string{"nobody": "", "stranger": "ww_" + strings.Repeat("A", 43)}
	for _, role := range append(programs.Roles(), programs.Inbound) {
		tokens[string(role)] = w.key(role)
	}
	from := map[string]func(*http.Request){
		"here":            func(*http.Request) {},
		"here, IPv6":      func(r *http.Request) { r.RemoteAddr, r.Host = "[::1]:4000", "[::1]:8080" },
		"elsewhere":       func(r *http.Request) { r.RemoteAddr = "192.0.2.7:4000" },
		"a foreign name":  func(r *http.Request) { r.Host = "rebound.example.org:8080" },
		"through a proxy": func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") },
		"another proxy":   func(r *http.Request) { r.Header.Set("Forwarded", "for=127.0.0.1") },
		"no address":      func(r *http.Request) { r.RemoteAddr = "@" },
	}
	for _, c := range []struct{ demo, relay bool }{{true, false}, {false, false}, {true, true}, {false, true}} {
		w.Demo, w.Relay = c.demo, c.relay
		for place, move := range from {
			open := c.demo && strings.HasPrefix(place, "here")
			for who, token := range tokens {
				ask := func(path string) (int, string) {
					r := visit(path)
					move(r)
					if token != "" {
						r.Header.Set("Authorization", "Bearer "+token)
					}
					res, body := w.answer(r)
					if res.StatusCode == 401 && res.Header.Get("WWW-Authenticate") != "Bearer" {
						t.Errorf("%s: 401 without a way in", path)
					}
					return res.StatusCode, body
				}
				var first string
				for _, path := range []string{"/", "/programs", "/programs/first-aid", "/programs/none", session, "/sessions/none"} {
					status, body := ask(path)
					want := 403
					if open || path == "/" {
						want = 200
					}
					if open && strings.Contains(path, "none") {
						want = 404
					}
					if status != want {
						t.Errorf("%+v %s %s %s: %d, want %d", c, place, who, path, status, want)
					}
					if open {
						continue
					}
					if first == "" {
						first = body
					}
					if body != first || !strings.Contains(body, "Sign-in is not part of this version") || strings.Contains(body, "yoga") {
						t.Errorf("%+v %s %s %s: the closed page differs or tells something", c, place, who, path)
					}
				}
				for _, path := range mails {
					status, body := ask(path)
					want := 200
					switch {
					case c.relay:
						want = 404
					case open, who == "admin":
						if strings.Contains(path, "none") {
							want = 404
						}
					case who == "nobody", who == "stranger":
						want = 401
					default:
						want = 403
					}
					if status != want {
						t.Errorf("%+v %s %s %s: %d, want %d", c, place, who, path, status, want)
					}
					if want != 200 && strings.Contains(body, "alderfinch") {
						t.Errorf("%+v %s %s %s tells an address", c, place, who, path)
					}
				}
			}
		}
	}
	if strings.Contains(w.log.String(), "ww_") {
		t.Error("a token is in the log")
	}
}

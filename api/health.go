package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/wellweek/wellweek/programs"
)

// healthz says that the process lives. It asks no database: a process whose database is gone is not helped by a restart.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	status(w, http.StatusOK, map[string]string{"status": "ok", "time_zone_data": programs.TZData()})
}

// readyz says whether requests can be served: a real write to the database, and what cmd asks beside it. The answer names what
// failed and not how.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	for _, check := range []struct {
		name string
		ask  func(context.Context) error
	}{{"database", s.Store.Ready}, {"loops", s.Ready}} {
		if check.ask == nil {
			continue
		}
		if err := check.ask(r.Context()); err != nil {
			s.Log.Warn("not ready", "check", check.name, "error", err)
			w.Header().Set("Retry-After", "1")
			status(w, http.StatusServiceUnavailable, map[string]string{"status": "unavailable", "failing": check.name})
			return
		}
	}
	status(w, http.StatusOK, map[string]string{"status": "ok"})
}

func status(w http.ResponseWriter, code int, body map[string]string) {
	b, err := json.Marshal(body)
	if err != nil {
		code = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n')) // the client went away: there is nobody left to tell
}

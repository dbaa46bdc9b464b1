package notify

import (
	"errors"
	"io"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wellweek/wellweek/programs"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at   stage
		code int
		text string
		want fate
	}{
		{atMail, 421, "4.3.2 closing", broken},
		{atDot, 421, "4.3.2 closing", broken},
		{atMail, 451, "4.3.0 try later", temporary},
		{atRcpt, 451, "4.7.1 greylisted", temporary},
		{atDot, 452, "4.3.1 disk full", temporary},
		{atRcpt, 550, "5.1.1 no such user", permanent},
		{atDot, 554, "5.6.0 no", permanent},
		{atData, 554, "5.5.1 no valid recipients", permanent},
		{atRcpt, 552, "5.2.2 mailbox full", full},
		{atDot, 550, "5.2.2 over quota", full},
		{atMail, 530, "5.7.0 authenticate", refused},
		{atRcpt, 530, "5.7.1 authenticate", refused},
		{atMail, 550, "5.7.1 sender rejected", refused},
		{atMail, 553, "5.1.8 sender unknown", refused},
		{atRcpt, 550, "5.7.515 domain not authenticated", refused},
		{atDot, 550, "5.7.30 basic authentication", refused},
		{atRcpt, 550, "5.7.1 blocked by policy", barred},
		{atDot, 554, "5.7.1 spam", barred},
		{atMail, 503, "5.5.1 nested", broken},
		{atData, 250, "what", broken},
		{atMail, 0, "", broken},
		{atRcpt, 0, "", broken},
		{atData, 0, "", broken},
		{atDot, 0, "", doubtful},
	} {
		err := error(&textproto.Error{Code: c.code, Msg: c.text})
		if c.code == 0 {
			err = io.EOF
		}
		a := classify(c.at, errors.Join(errors.New("wrapped"), err))
		if a.Fate != c.want || a.Code != c.code {
			t.Errorf("stage %d, %d %s: fate %d, code %d, want %d", c.at, c.code, c.text, a.Fate, a.Code, c.want)
		}
	}
}

func TestRelayTextIsHarmless(t *testing.T) {
	t.Parallel()
	a := classify(atRcpt, &textproto.Error{Code: 550, Msg: "5.1.1 no\r\nX: y\x00\x1b[31m " + strings.Repeat("long ", 200) + "\xff"})
	if strings.ContainsAny(a.Text, "\r\n\x00\x1b") || len([]rune(a.Text)) > 300 {
		t.Errorf("kept as %q", a.Text)
	}
	for text, want := range map[string]string{
		"2.0.0 Ok: queued as 4Fz1": "4Fz1", "OK id=1abc-2": "1abc-2", "2.6.0 <x@y> [InternalId=7] Queued mail for delivery": "", "fine": "",
	} {
		if got := queueID(text); got != want {
			t.Errorf("queue id of %q is %q", text, got)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	want := []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 4 * time.Hour, 4 * time.Hour}
	spread := map[time.Duration]bool{}
	for i, base := range want {
		for _, key := range []string{"a", "b", "c", "d"} {
			got := backoff(i+1, key)
			if got < base*8/10 || got > base*12/10 {
				t.Errorf("attempt %d waits %v, want %v and a fifth either way", i+1, got, base)
			}
			if got != backoff(i+1, key) {
				t.Error("the wait of one message is not always the same")
			}
			if i == 6 {
				spread[got] = true
			}
		}
	}
	if len(spread) < 3 {
		t.Error("messages come back together")
	}
}

func TestParseRelay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*Relay{
		"":                                   nil,
		"smtp://mail.example.org":            {Host: "mail.example.org", Port: 587, TLS: StartTLS},
		"smtp://mail.example.org:25?tls=off": {Host: "mail.example.org", Port: 25, TLS: NoTLS},
		"smtp://u:p%40ss%2F@[::1]:2525?tls=starttls": {Host: "::1", Port: 2525, User: "u", Password: "p@ss/", TLS: StartTLS},
		"smtps://u:p@mail.example.org":               {Host: "mail.example.org", Port: 465, User: "u", Password: "p", TLS: ImplicitTLS},
	} {
		got, err := ParseRelay(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
	for _, text := range []string{
		"mail.example.org:25", "http://canary", "smtp://", "smtp://canary:99999", "smtp://canary:0", "smtp://canary?tls=maybe", "smtp://canary?TLS=off", "smtp://canary?tls=off&tls=off",
		"smtps://canary?tls=off", "smtp://canary/path", "smtp://canary@host", "smtp://canary:@host", "smtp://u:canary%zz@host", "smtp://u:canary@host:port", "smtp://h?canary=1;2",
	} {
		_, err := ParseRelay(text)
		if err == nil {
			t.Errorf("%s was taken", text)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error repeats the setting: %v", err)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	l := links{Settings: Settings{From: "wellweek@example.org", ReplyDomain: "reply.example.org", PublicURL: "https://well.example.org/"}, reply: []byte("k1"), bounce: []byte("k2")}
	a := l.replyToken("session", "person")
	if len(a) != tokenLength || strings.Trim(a, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("token %q", a)
	}
	for name, other := range map[string]string{
		"another person": l.replyToken("session", "person2"), "another session": l.replyToken("session2", "person"), "parts shifted": l.replyToken("sessionp", "erson"),
		"another purpose": Token(l.reply, "bounce", "session", "person"), "another key": Token(l.bounce, "reply", "session", "person"),
	} {
		if other == a {
			t.Errorf("%s has the same token", name)
		}
	}
	if a != l.replyToken("session", "person") {
		t.Error("a token cannot be printed again")
	}
	if got := l.organizer(a); got != "wellweek+r."+a+"@reply.example.org" {
		t.Errorf("organizer %s", got)
	}
	if got := l.session("0-1"); got != "https://well.example.org/sessions/0-1" {
		t.Errorf("link %s", got)
	}
	if got := l.mailFrom("row"); !strings.HasPrefix(got, "bounce+") || got == l.mailFrom("row2") {
		t.Errorf("return path %s", got)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	good := Settings{PublicURL: "http://localhost:8080", From: strings.Repeat("a", 35) + "@example.org", ReplyDomain: "example.org", TimeZone: "UTC"}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Settings){
		"no scheme":     func(s *Settings) { s.PublicURL = "canary.example.org" },
		"two addresses": func(s *Settings) { s.From = "a@canary.org, b@canary.org" },
		"long":          func(s *Settings) { s.From = "a" + good.From },
		"domain":        func(s *Settings) { s.ReplyDomain = "canary\r\nX: y" },
		"zone":          func(s *Settings) { s.TimeZone = "canary" },
	} {
		s := good
		spoil(&s)
		if err := s.check(); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestT9_When(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ starts, ends, zone, want string }{
		{"2026-11-26T11:30:00Z", "2026-11-26T12:15:00Z", "Europe/Berlin", "Thursday 26 November 2026, 12:30–13:15, Berlin time (CET)"},
		{"2026-07-01T10:30:00Z", "2026-07-01T11:15:00Z", "America/New_York", "Wednesday 1 July 2026, 06:30–07:15, New York time (EDT)"},
		{"2026-11-26T11:30:00Z", "2026-11-26T12:15:00Z", "America/Argentina/Buenos_Aires", "Thursday 26 November 2026, 08:30–09:15, Buenos Aires time (UTC-3:00)"},
		{"2026-11-26T11:30:00Z", "2026-11-26T12:15:00Z", "Asia/Kolkata", "Thursday 26 November 2026, 17:00–17:45, Kolkata time (IST)"},
		{"2026-12-31T22:00:00Z", "2027-01-01T00:30:00Z", "Europe/Berlin", "Thursday 31 December 2026, 23:00 to Friday 1 January, 01:30, Berlin time (CET)"},
		{"2026-11-26T11:30:00Z", "2026-11-26T12:15:00Z", "UTC", "Thursday 26 November 2026, 11:30–12:15, UTC"},
		{"2026-11-26T11:30:00Z", "2026-11-26T12:15:00Z", "EST5EDT", "Thursday 26 November 2026, 06:30–07:15, EST5EDT time (EST)"},
	} {
		loc, err := programs.Zone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := inZone(instant(c.starts), instant(c.ends), loc).String(); got != c.want {
			t.Errorf("%s: %s", c.zone, got)
		}
	}
	berlin, _ := programs.Zone("Europe/Berlin")
	paris, _ := programs.Zone("Europe/Paris")
	tokyo, _ := programs.Zone("Asia/Tokyo")
	from, until := instant("2026-11-26T11:30:00Z"), instant("2026-11-26T12:15:00Z")
	if len(clocks(from, until, berlin, paris, false)) != 1 {
		t.Error("two zones with one clock are said twice")
	}
	if w := clocks(from, until, berlin, tokyo, false); len(w) != 2 || !strings.HasPrefix(w[0].Zone, "Berlin") {
		t.Errorf("on site, the venue's clock is not first: %v", w)
	}
	if w := clocks(from, until, berlin, tokyo, true); len(w) != 2 || !strings.HasPrefix(w[0].Zone, "Tokyo") {
		t.Errorf("online, the reader's clock is not first: %v", w)
	}
}

func TestStuffed(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\r\n": "a\r\n.\r\n", ".a\r\n..\r\nb.\r\n": "..a\r\n...\r\nb.\r\n.\r\n", "": "\r\n.\r\n", ".\r\n": "..\r\n.\r\n", "a": "a\r\n.\r\n",
	} {
		if got := string(stuffed([]byte(in))); got != want {
			t.Errorf("%q becomes %q", in, got)
		}
	}
}

func TestSound(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"a\nb\r\n", "a\rb\r\n", "a\r\n.\n", "\n", "a\x00\r\n", "é\r\n", strings.Repeat("a", 999) + "\r\n", "a\r"} {
		if sound([]byte(bad)) == nil {
			t.Errorf("%.20q passed", bad)
		}
	}
	if err := sound([]byte(strings.Repeat("a", 998) + "\r\n\tb\r\n")); err != nil {
		t.Error(err)
	}
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	var b breaker
	defer b.stop()
	open := func() bool { _, o := b.open(); return o }
	b.unconnected()
	b.unconnected()
	b.connected()
	b.unconnected()
	b.unconnected()
	if open() {
		t.Error("two failures in a row opened it")
	}
	if !b.unconnected() || !open() {
		t.Error("three did not")
	}
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		b.again()
		if open() || !b.probing() {
			t.Error("it does not let one try")
		}
		b.unconnected() // one failure of a trial is enough
		if pause, o := b.open(); !o || pause != want {
			t.Errorf("it waits %v, want %v", pause, want)
		}
	}
	b.again()
	b.worked()
	if open() || b.probing() {
		t.Error("one message did not close it")
	}
	b.policy()
	b.policy()
	b.worked()
	b.policy()
	b.policy()
	if open() {
		t.Error("policy refusals that were not in a row opened it")
	}
	b.policy()
	if pause, o := b.open(); !o || pause != breakFirst {
		t.Errorf("three people refused by policy: open %v, %v", o, pause)
	}
}

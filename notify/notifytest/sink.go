// Package notifytest is a real SMTP server on the loopback for tests: it keeps what it is given, and breaks in every way that a
// relay breaks, at the stage where it is told to.
package notifytest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Stage is where in a conversation a fault happens.
type Stage string

// The stages of a conversation.
const (
	Greeting Stage = "greeting"
	Auth     Stage = "auth"
	MailFrom Stage = "mail"
	RcptTo   Stage = "rcpt"
	Data     Stage = "data"
	Body     Stage = "body" // while the message is read
	Dot      Stage = "dot"  // when all of it was read
)

// Fault is one way to break. Exactly one of Reply, Drop and Stall is set.
type Fault struct {
	At    Stage
	Reply string // answered instead of the usual: "451 4.7.1 come back later". A 421 also ends the connection
	Drop  bool   // the connection ends without a word
	Stall bool   // nothing is answered any more on this connection
	Take  bool   // at Dot: the message is kept before Drop or Stall
	To    string // only for this recipient (RcptTo and later); empty: any
	After int    // so many times all goes well first
	Times int    // then it happens so often; 0: from then on
}

// Options say what the server offers.
type Options struct {
	Pipelining bool
	StartTLS   bool
	TLS        bool // from the first byte on
	Careless   bool // answers 354 to DATA also when no recipient was taken
	User       string
	Password   string
}

// Mail is one message that was taken.
type Mail struct {
	From string
	To   []string
	Raw  []byte // CRLF lines, dots unstuffed
}

// Sink is the server. Its methods may be called from any goroutine.
type Sink struct {
	Host string
	Port int

	options  Options
	secure   *tls.Config
	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
	mails    []Mail
	faults   []*armed
	dials    int
	wrong    []string // commands that a client must not send
	done     chan struct{}
	running  sync.WaitGroup
}

type armed struct {
	Fault
	seen, hits int
}

// New starts a server that ends with the test. The test fails when a client broke the protocol.
func New(t testing.TB, o Options) *Sink {
	t.Helper()
	s := &Sink{Host: "127.0.0.1", options: o, open: map[net.Conn]bool{}, done: make(chan struct{})}
	if o.TLS || o.StartTLS {
		s.secure = certificate(t)
	}
	if err := s.listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(s.done)
		s.Down()
		s.running.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, w := range s.wrong {
			t.Errorf("the client broke the protocol: %s", w)
		}
	})
	return s
}

// Down refuses connections and ends those there are.
func (s *Sink) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
		s.listener = nil
	}
	for c := range s.open {
		c.Close()
	}
}

// Up listens again, on the same port.
func (s *Sink) Up(t testing.TB) {
	t.Helper()
	if err := s.listen(); err != nil {
		t.Fatal(err)
	}
}

// Break arms a fault.
func (s *Sink) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &armed{Fault: f})
}

// Heal disarms all faults.
func (s *Sink) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Mails are the messages taken so far, in order.
func (s *Sink) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Reset forgets the messages.
func (s *Sink) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = nil
}

// Dials is how many connections were accepted.
func (s *Sink) Dials() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

func (s *Sink) listen() error {
	l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", s.Host, s.Port))
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.listener, s.Port = l, l.Addr().(*net.TCPAddr).Port
	s.mu.Unlock()
	s.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.dials++
			s.open[c] = true
			s.mu.Unlock()
			s.running.Go(func() {
				defer func() {
					c.Close()
					s.mu.Lock()
					delete(s.open, c)
					s.mu.Unlock()
				}()
				s.serve(c)
			})
		}
	})
	return nil
}

// fault is what goes wrong now; nil when nothing does.
func (s *Sink) fault(at Stage, to []string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.At != at || f.To != "" && !slices.Contains(to, f.To) {
			continue
		}
		f.seen++
		if f.seen <= f.After || f.Times > 0 && f.hits >= f.Times {
			continue
		}
		f.hits++
		return &f.Fault
	}
	return nil
}

func (s *Sink) protest(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// session is one conversation.
type session struct {
	sink   *Sink
	conn   net.Conn
	r      *bufio.Reader
	inside bool // a transaction is open
	from   string
	to     []string
	secure bool
	known  bool // authenticated
}

func (s *Sink) serve(c net.Conn) {
	if s.options.TLS {
		c = tls.Server(c, s.secure)
	}
	v := &session{sink: s, conn: c, r: bufio.NewReader(c), secure: s.options.TLS}
	if !v.answer(Greeting, "220 sink ESMTP") {
		return
	}
	for {
		line, err := v.r.ReadString('\n')
		if err != nil {
			return
		}
		if !strings.HasSuffix(line, "\r\n") {
			s.protest("a line that does not end in CRLF")
		}
		if !v.command(strings.TrimSpace(line)) {
			return
		}
	}
}

// answer says reply, or what the fault of this stage says, and reports whether the conversation goes on.
func (v *session) answer(at Stage, reply string) bool {
	if f := v.sink.fault(at, v.to); f != nil {
		switch {
		case f.Drop:
			return false
		case f.Stall:
			return v.stall()
		}
		reply = f.Reply
	}
	if _, err := v.conn.Write([]byte(reply + "\r\n")); err != nil {
		return false
	}
	return !strings.HasPrefix(reply, "421")
}

// stall reads on and says nothing, until the client or the test ends it.
func (v *session) stall() bool {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := v.r.ReadByte(); err != nil {
				return
			}
		}
	}()
	select {
	case <-ended:
	case <-v.sink.done:
	}
	return false
}

func (v *session) command(line string) bool {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch {
	case verb == "EHLO":
		return v.hello()
	case verb == "STARTTLS" && v.sink.options.StartTLS && !v.secure:
		if !v.answer("", "220 go on") {
			return false
		}
		v.conn = tls.Server(v.conn, v.sink.secure)
		v.r, v.secure = bufio.NewReader(v.conn), true
		return true
	case verb == "AUTH":
		return v.authenticate(line)
	case verb == "*": // the library ends a failed exchange so (RFC 4954 4), also when it has ended already
		return v.answer("", "501 5.7.0 cancelled")
	case verb == "QUIT":
		v.answer("", "221 bye")
		return false
	case verb == "RSET":
		v.inside, v.from, v.to = false, "", nil
		return v.answer("", "250 ok")
	case strings.HasPrefix(strings.ToUpper(line), "MAIL FROM:<"):
		if v.inside {
			v.sink.protest("MAIL inside a transaction")
			return v.answer("", "503 5.5.1 nested MAIL")
		}
		if v.sink.options.User != "" && !v.known {
			return v.answer("", "530 5.7.0 authenticate first")
		}
		v.from, v.to = between(line), nil
		return v.tried(MailFrom, "250 2.1.0 ok", func() { v.inside = true })
	case strings.HasPrefix(strings.ToUpper(line), "RCPT TO:<"):
		if !v.inside {
			return v.answer("", "503 5.5.1 MAIL first")
		}
		address := between(line)
		v.to = append(v.to, address)
		took := false
		goOn := v.tried(RcptTo, "250 2.1.5 ok", func() { took = true })
		if !took {
			v.to = v.to[:len(v.to)-1]
		}
		return goOn
	case verb == "DATA":
		if !v.inside || len(v.to) == 0 && !v.sink.options.Careless {
			return v.answer("", "554 5.5.1 no valid recipients")
		}
		took := false
		return v.tried(Data, "354 go on", func() { took = true }) && (!took || v.message())
	}
	v.sink.protest("unknown command %q", verb)
	return v.answer("", "500 5.5.2 what")
}

// tried answers, and runs well only when the answer was the usual one.
func (v *session) tried(at Stage, usual string, well func()) bool {
	f := v.sink.fault(at, v.to)
	if f == nil {
		well()
		return v.answer("", usual)
	}
	switch {
	case f.Drop:
		return false
	case f.Stall:
		return v.stall()
	}
	return v.answer("", f.Reply)
}

func (v *session) hello() bool {
	lines := []string{"sink"}
	if v.sink.options.Pipelining {
		lines = append(lines, "PIPELINING")
	}
	if v.sink.options.StartTLS && !v.secure {
		lines = append(lines, "STARTTLS")
	}
	if v.sink.options.User != "" {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	for _, l := range lines {
		if _, err := v.conn.Write([]byte("250-" + l + "\r\n")); err != nil {
			return false
		}
	}
	return v.answer("", "250 8BITMIME")
}

func (v *session) authenticate(line string) bool {
	parts := strings.Fields(line)
	if len(parts) != 3 || !strings.EqualFold(parts[1], "PLAIN") {
		return v.answer("", "504 5.5.4 PLAIN with its answer at once")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || string(raw) != "\x00"+v.sink.options.User+"\x00"+v.sink.options.Password {
		return v.answer("", "535 5.7.8 no")
	}
	return v.tried(Auth, "235 2.7.0 yes", func() { v.known = true })
}

// message reads up to the final dot. Half a message is never kept.
func (v *session) message() bool {
	broken := v.sink.fault(Body, v.to)
	var raw []byte
	for {
		line, err := v.r.ReadBytes('\n')
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			break
		}
		if !strings.HasSuffix(string(line), "\r\n") {
			v.sink.protest("a message line that does not end in CRLF")
		}
		if len(v.to) == 0 {
			v.sink.protest("a message, or a command in place of one, for no recipient")
		}
		if broken != nil {
			return !broken.Drop && v.stall()
		}
		if line[0] == '.' {
			line = line[1:]
		}
		raw = append(raw, line...)
	}
	f := v.sink.fault(Dot, v.to)
	m := Mail{From: v.from, To: slices.Clone(v.to), Raw: raw}
	v.inside, v.from, v.to = false, "", nil
	if f != nil && f.Reply != "" {
		return v.answer("", f.Reply)
	}
	if f == nil || f.Take {
		v.sink.mu.Lock()
		v.sink.mails = append(v.sink.mails, m)
		n := len(v.sink.mails)
		v.sink.mu.Unlock()
		if f == nil {
			return v.answer("", fmt.Sprintf("250 2.0.0 Ok: queued as SINK%d", n))
		}
	}
	return !f.Drop && v.stall()
}

func between(line string) string {
	_, after, _ := strings.Cut(line, "<")
	address, _, _ := strings.Cut(after, ">")
	return address
}

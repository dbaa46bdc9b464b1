package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// patience is how long we wait for a relay at each stage.
type patience struct {
	connect time.Duration // to a connection that is greeted, encrypted and authenticated
	command time.Duration // for the answer to a command
	data    time.Duration // for the answer to the final dot
	finish  time.Duration // for what is in flight when we are told to stop
	renew   time.Duration // between two renewals of a batch's leases
}

// patient are the waiting times of production (mail.md sections 2 and 4; RFC 5321 4.5.3.2 would wait longer than people do).
func patient() patience {
	return patience{connect: 10 * time.Second, command: 30 * time.Second, data: 2 * time.Minute, finish: 20 * time.Second, renew: leaseTime / 3}
}

// conn is a kept connection to the relay.
type conn struct {
	client     *smtp.Client
	raw        net.Conn
	closing    sync.Once
	pipelining bool // RFC 2920
	used       int  // messages handed over
}

// dial connects, encrypts and authenticates. TLS that was asked for and is not there is an error, never clear text.
func (r *Relay) dial(ctx context.Context, helo string, roots *x509.CertPool, p patience) (_ *conn, err error) {
	var raw net.Conn
	defer func() {
		if err != nil && raw != nil {
			raw.Close() // the library leaves it open when anything after the connection fails
		}
	}()
	config := &tls.Config{ServerName: r.Host, RootCAs: roots, MinVersion: tls.VersionTLS12}
	options := []mail.Option{
		mail.WithPort(r.Port), mail.WithHELO(helo), mail.WithTimeout(p.connect), mail.WithTLSConfig(config),
		mail.WithoutNoop(), mail.WithoutRset(), mail.WithoutSMTPUTF8(),
		mail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			raw = c
			if r.TLS != ImplicitTLS {
				return c, nil
			}
			secure := tls.Client(c, config)
			return secure, secure.HandshakeContext(ctx)
		}),
	}
	if r.TLS == StartTLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	} else {
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	client, err := mail.NewClient(r.Host, options...)
	if err != nil {
		return nil, err
	}
	// A shutdown must not wait for a relay that says nothing: the library's own deadline is only p.connect.
	stop := context.AfterFunc(ctx, func() {
		if raw != nil {
			raw.Close()
		}
	})
	defer stop()
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.authenticate(session); err != nil {
		return nil, err
	}
	if err := raw.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	c := &conn{client: session, raw: raw}
	c.pipelining, _ = session.Extension("PIPELINING")
	return c, nil
}

// authenticate uses the strongest way that the relay offers. PLAIN and LOGIN refuse a connection that is neither encrypted nor local.
func (r *Relay) authenticate(session *smtp.Client) error {
	if r.User == "" {
		return nil
	}
	_, offered := session.Extension("AUTH")
	offers := func(mechanism string) bool {
		for o := range strings.FieldsSeq(offered) {
			if strings.EqualFold(o, mechanism) {
				return true
			}
		}
		return false
	}
	switch {
	case offers("SCRAM-SHA-256"):
		return session.Auth(smtp.ScramSHA256Auth(r.User, r.Password))
	case offers("PLAIN"):
		return session.Auth(smtp.PlainAuth("", r.User, r.Password, r.Host, false))
	case offers("LOGIN"):
		return session.Auth(smtp.LoginAuth(r.User, r.Password, r.Host, false))
	}
	return errors.New("the relay offers no way to authenticate that we know")
}

// hand gives one message to the relay and says what became of it. No answer within patience closes the connection.
func (c *conn) hand(ctx context.Context, from, to string, raw []byte, p patience) answer {
	c.used++
	at, err := c.envelope(ctx, from, to, p)
	if err != nil {
		a := classify(at, err)
		if a.Fate != broken && c.command(ctx, p, 250, "RSET") != nil { // RFC 5321 4.1.4: no MAIL inside an open transaction
			c.abort()
		}
		return c.judged(a)
	}
	defer c.within(ctx, p.data)()
	text := c.client.Text
	if _, err := text.W.Write(stuffed(raw)); err != nil {
		return c.judged(classify(atData, err)) // without its dot the relay keeps nothing
	}
	if err := text.W.Flush(); err != nil {
		return c.judged(classify(atData, err))
	}
	_, reply, err := text.ReadResponse(250)
	if err != nil {
		return c.judged(classify(atDot, err))
	}
	reply = clean(reply)
	return answer{Fate: taken, Code: 250, Text: reply, QueueID: queueID(reply)}
}

// judged drops the connection where the answer says that it is of no more use.
func (c *conn) judged(a answer) answer {
	if a.Fate == broken || a.Fate == doubtful {
		c.abort()
	}
	return a
}

// envelope opens a transaction up to the 354 after which the message is written. With PIPELINING all three commands go in one
// write, and all three answers are read before any is judged (RFC 2920 3.1).
func (c *conn) envelope(ctx context.Context, from, to string, p patience) (stage, error) {
	mailFrom, rcptTo := "MAIL FROM:<"+from+">", "RCPT TO:<"+to+">"
	if !c.pipelining {
		if err := c.command(ctx, p, 250, mailFrom); err != nil {
			return atMail, err
		}
		if err := c.command(ctx, p, 25, rcptTo); err != nil { // 250 or 251
			return atRcpt, err
		}
		return atData, c.command(ctx, p, 354, "DATA")
	}
	defer c.within(ctx, p.command)()
	text := c.client.Text
	if _, err := text.W.WriteString(mailFrom + "\r\n" + rcptTo + "\r\nDATA\r\n"); err != nil {
		return atMail, err
	}
	if err := text.W.Flush(); err != nil {
		return atMail, err
	}
	_, _, mailErr := text.ReadResponse(250)
	if lostConnection(mailErr) {
		return atMail, mailErr
	}
	_, _, rcptErr := text.ReadResponse(25)
	if lostConnection(rcptErr) {
		return atRcpt, first(mailErr, rcptErr)
	}
	_, _, dataErr := text.ReadResponse(354)
	switch {
	case mailErr == nil && rcptErr == nil:
		return atData, dataErr
	case dataErr == nil || lostConnection(dataErr):
		c.abort() // the relay waits for a message that has no recipient: whatever we wrote next would be one
	}
	if mailErr != nil {
		return atMail, mailErr
	}
	return atRcpt, rcptErr
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// lostConnection reports whether an error is none of the relay's answers.
func lostConnection(err error) bool {
	return err != nil && classify(atMail, err).Code == 0
}

// command sends one line and waits for its answer.
func (c *conn) command(ctx context.Context, p patience, expect int, line string) error {
	defer c.within(ctx, p.command)()
	text := c.client.Text
	if _, err := fmt.Fprintf(text.W, "%s\r\n", line); err != nil {
		return err
	}
	if err := text.W.Flush(); err != nil {
		return err
	}
	_, _, err := text.ReadResponse(expect)
	return err
}

// within closes the connection when patience or the context ends before the returned function is called. A closed connection makes
// whatever waits for it fail, which a deadline would do too, but a deadline needs to know the time.
func (c *conn) within(ctx context.Context, d time.Duration) (done func()) {
	timer := time.AfterFunc(d, c.abort)
	stop := context.AfterFunc(ctx, c.abort)
	return func() {
		timer.Stop()
		stop()
	}
}

// abort closes the connection without a word.
func (c *conn) abort() { c.closing.Do(func() { c.raw.Close() }) }

// quit ends the connection as RFC 5321 4.1.1.10 wants it.
func (c *conn) quit(ctx context.Context, p patience) {
	_ = c.command(ctx, p, 221, "QUIT") // the relay may have gone first
	c.abort()
}

// stuffed doubles the dots at the beginnings of lines and adds the final one (RFC 5321 4.5.2). The message ends in CRLF.
func stuffed(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+64)
	for len(raw) > 0 {
		if raw[0] == '.' {
			out = append(out, '.')
		}
		end := bytes.IndexByte(raw, '\n') + 1
		if end == 0 {
			end = len(raw)
		}
		out = append(out, raw[:end]...)
		raw = raw[end:]
	}
	if !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(out, "\r\n"...)
	}
	return append(out, ".\r\n"...)
}

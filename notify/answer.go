package notify

import (
	"errors"
	"net/textproto"
	"strings"
)

// stage is how far a transaction got.
type stage int

// The stages of handing over one message.
const (
	atMail stage = iota
	atRcpt
	atData
	atDot // the final dot is written: from here on silence may mean that the relay has the message
)

// fate is what an answer, or its absence, means for the message and for the relay.
type fate int

// The fates of mail.md section 3.
const (
	taken     fate = iota // the relay has it
	temporary             // later
	broken                // later; the connection is of no use any more, and the message was certainly not taken
	doubtful              // the connection was lost when the relay may have taken it
	full                  // the mailbox is: later, for three days
	permanent             // never, for this recipient
	barred                // never, for this recipient, by a policy of the other side
	refused               // the relay refuses us, whoever the recipient: ours to mend
)

// answer is the outcome of one hand-off.
type answer struct {
	Fate    fate
	Code    int    // 0: none came
	Text    string // of the relay, cleaned and cut
	QueueID string
}

// classify reads what ended a transaction at a stage. Only the relay's code decides: the library's own opinion takes a lost answer for
// a permanent refusal (mail.md section 4).
func classify(at stage, err error) answer {
	var e *textproto.Error
	if !errors.As(err, &e) {
		if at == atDot {
			return answer{Fate: doubtful, Text: "connection lost while waiting for the answer"}
		}
		return answer{Fate: broken, Text: "connection lost"}
	}
	a := answer{Fate: temporary, Code: e.Code, Text: clean(e.Msg)}
	enhanced := enhancedCode(e.Msg)
	switch {
	case e.Code == 421, e.Code < 400, e.Code == 503:
		a.Fate = broken // 421: the relay closes (RFC 5321 3.8); an answer out of place: we no longer understand each other
	case e.Code < 500:
	case e.Code == 530, e.Code == 535, e.Code == 538, enhanced == "5.7.30", enhanced == "5.7.515":
		a.Fate = refused
	case e.Code == 552, enhanced == "5.2.2":
		a.Fate = full
	case at == atMail:
		a.Fate = refused // the sender is ours, and the same for everybody
	case strings.HasPrefix(enhanced, "5.7."):
		a.Fate = barred
	default:
		a.Fate = permanent
	}
	return a
}

// enhancedCode is the code of RFC 3463 that a text begins with; empty when it has none.
func enhancedCode(text string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 {
		return ""
	}
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return ""
		}
	}
	return word
}

// clean makes a relay's text fit to be stored and shown: one line, no controls, at most 300 characters.
func clean(text string) string {
	return strings.Join(strings.Fields(oneLine(strings.ToValidUTF8(text, "?"))), " ")
}

// queueID is what the relay calls the message, where its text says so in the way of Postfix, Exim and others.
func queueID(text string) string {
	for _, mark := range []string{"queued as ", "id="} {
		if _, after, ok := strings.Cut(text, mark); ok {
			id, _, _ := strings.Cut(after, " ")
			return strings.Trim(id, "<>.,;()")
		}
	}
	return ""
}

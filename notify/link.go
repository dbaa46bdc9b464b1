package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/wellweek/wellweek/programs"
)

// tokenLength is 130 bits in base32.
const tokenLength = 26

// Token is what a mailed address or link carries to name its subject: 130 bits of HMAC-SHA256 as 26 lower-case base32 letters. It is
// derived and not random, because an update must print it again. The purpose is part of what is signed, so that a token of one
// purpose is refused for another.
func Token(key []byte, purpose string, parts ...string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose))
	for _, p := range parts {
		mac.Write([]byte{0}) // ids hold no NUL, so two lists of parts never sign the same bytes
		mac.Write([]byte(p))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)))[:tokenLength]
}

// TokenHash is how the database knows a token.
func TokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// links makes every address and link that stands in a mail.
type links struct {
	Settings
	reply  []byte // key of the purpose "reply"
	bounce []byte // key of the purpose "bounce"
}

// replyToken names a seat to whoever answers: the same for the life of (session, person), because a calendar refuses an update from
// another organizer.
func (l links) replyToken(s programs.SessionID, p programs.PersonID) string {
	return Token(l.reply, "reply", string(s), string(p))
}

// organizer is the From of every mail about a seat, and the ORGANIZER of its calendar part.
func (l links) organizer(token string) string {
	return l.local() + "+r." + token + "@" + l.ReplyDomain
}

// mailFrom is the envelope's return path: a bounce names its outbox row by it, whatever the bounce itself says.
func (l links) mailFrom(row string) string {
	return "bounce+" + Token(l.bounce, "bounce", row) + "@" + l.ReplyDomain
}

// session is the page of a session.
func (l links) session(s programs.SessionID) string {
	return strings.TrimRight(l.PublicURL, "/") + "/sessions/" + url.PathEscape(string(s))
}

// messageID is the same for every attempt of a row, since it comes from the row's key.
func (s Settings) messageID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + "@" + s.ReplyDomain
}

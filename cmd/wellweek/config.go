package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/wellweek/wellweek/notify"
	"github.com/wellweek/wellweek/programs"
)

// prefix begins the name of every setting in the environment. Whatever begins with it and is no setting stops the start.
const prefix = "WELLWEEK_"

// settings are everything an operator may set. Each field is a flag, the environment variable of the same name, a line of the help
// and a row of the README's table; a test holds the README to this struct. Every field has a default that runs.
type settings struct {
	Listen         string   `name:"listen" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address and port of the pages and the API."`
	PublicURL      string   `name:"public-url" placeholder:"URL" help:"The address people reach Wellweek at; links in mails and feeds begin with it. https, or http on loopback. Default: http:// and the address it listens on."`
	Database       database `name:"database" default:"wellweek.db" placeholder:"FILE|URL" help:"Path of the SQLite file, or a postgres:// URL."`
	SMTPURL        secret   `name:"smtp-url" placeholder:"URL" help:"The mail relay: smtp://[user:password@]host:port?tls=starttls|off, or smtps://... Empty: mail is kept and shown to admins at /mail, not sent."`
	MailFrom       string   `name:"mail-from" placeholder:"ADDRESS" help:"Sender of every mail; required with a relay."`
	ReplyDomain    string   `name:"reply-domain" placeholder:"DOMAIN" help:"Domain that answers and bounces come back to. Default: that of the sender."`
	TimeZone       string   `name:"time-zone" default:"UTC" placeholder:"ZONE" help:"IANA time zone of people and offices that have none of their own."`
	TrustedProxies string   `name:"trusted-proxies" placeholder:"CIDR,..." help:"Addresses or networks of proxies whose X-Forwarded-For is believed. Empty: nobody's."`
	LogLevel       string   `name:"log-level" placeholder:"LEVEL" help:"debug, info, warn or error. Default: info, in demo warn."`
}

// secret is a value that is never printed.
type secret string

// String is *** for any secret.
func (s secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString keeps %#v from printing it either.
func (s secret) GoString() string { return s.String() }

// LogValue keeps the log from printing it.
func (s secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps JSON from printing it.
func (s secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// database is a path, which may be printed, or a URL, which may hold a password.
type database string

// postgres reports whether it is a PostgreSQL URL.
func (d database) postgres() bool {
	return strings.HasPrefix(string(d), "postgres://") || strings.HasPrefix(string(d), "postgresql://")
}

// String is the path, or postgres://*** for a URL.
func (d database) String() string {
	if d.postgres() {
		return "postgres://***"
	}
	return string(d)
}

// GoString keeps %#v from printing a password.
func (d database) GoString() string { return d.String() }

// LogValue keeps the log from printing a password.
func (d database) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText keeps JSON from printing a password.
func (d database) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// setting is one field of settings as the outside sees it.
type setting struct {
	flag, env, fallback, help string
	secret                    bool
}

// list is every setting, in the order of the struct.
func list() []setting {
	var all []setting
	t := reflect.TypeFor[settings]()
	for i := range t.NumField() {
		f := t.Field(i)
		all = append(all, setting{
			flag: f.Tag.Get("name"), env: envName(f.Tag.Get("name")), fallback: f.Tag.Get("default"), help: f.Tag.Get("help"),
			secret: f.Type == reflect.TypeFor[secret](),
		})
	}
	return all
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// table is the README's table of settings.
func table() string {
	var b strings.Builder
	b.WriteString("| Environment | Flag | Default | What it is |\n|---|---|---|---|\n")
	for _, s := range list() {
		fallback := "empty"
		if s.fallback != "" {
			fallback = "`" + s.fallback + "`"
		}
		help := strings.ReplaceAll(s.help, "|", `\|`)
		if s.secret {
			help += " Never printed."
		}
		fmt.Fprintf(&b, "| `%s` | `--%s` | %s | %s |\n", s.env, s.flag, fallback, help)
	}
	return b.String()
}

// environment is what of an environment belongs to us. A name that is no setting is an error: a typo is not a default.
func environment(environ []string) (map[string]string, error) {
	ours := map[string]string{}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		known := slices.ContainsFunc(list(), func(s setting) bool { return s.env == name })
		if !known {
			return nil, usage{fmt.Errorf("%s is no setting of this version%s", name, meant(name))}
		}
		if value != "" { // an empty value is how a compose file says "not set"
			ours[name] = value
		}
	}
	return ours, nil
}

// meant is a hint at the setting whose name is nearest, when one is near.
func meant(name string) string {
	best, least := "", 4
	for _, s := range list() {
		if d := distance(name, s.env); d < least {
			best, least = s.env, d
		}
	}
	if best == "" {
		return "; unset it, or see wellweek serve --help for those there are"
	}
	return "; did you mean " + best + "?"
}

// distance counts the letters to add, drop or change to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// checked is what the settings mean, with defaults filled in and everything parsed.
type checked struct {
	settings
	publicGuessed bool // PublicURL is the address it listens on, for want of a setting
	proxies       []netip.Prefix
	relay         *notify.Relay
	level         slog.Level
}

// check parses the settings. Its errors name the setting and the next step, never the value.
func (s settings) check(quiet bool) (checked, error) {
	c := checked{settings: s}
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return c, wrong("listen", "is an address and a port, such as 127.0.0.1:8080")
	}
	if c.PublicURL == "" {
		c.PublicURL, c.publicGuessed = "http://"+shown(s.Listen, host), true
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return c, wrong("public-url", "is an address such as https://wellweek.example.org, without a path")
	}
	if c.relay, err = notify.ParseRelay(string(s.SMTPURL)); err != nil {
		return c, usage{fmt.Errorf("%s (--smtp-url): %w", envName("smtp-url"), err)} // it holds none of the value
	}
	if err := c.sender(u.Hostname()); err != nil {
		return c, err
	}
	if _, err := programs.Zone(s.TimeZone); err != nil {
		return c, wrong("time-zone", "is a name of the IANA list, such as Europe/Berlin")
	}
	for p := range strings.SplitSeq(s.TrustedProxies, ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		network, err := netip.ParsePrefix(p)
		if err != nil {
			address, err := netip.ParseAddr(p)
			if err != nil {
				return c, wrong("trusted-proxies", "is a list of addresses and networks, such as 10.0.0.0/8,::1")
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		c.proxies = append(c.proxies, network.Masked())
	}
	switch {
	case s.LogLevel == "" && quiet:
		c.level = slog.LevelWarn
	case s.LogLevel == "":
		c.level = slog.LevelInfo
	case !slices.Contains([]string{"debug", "info", "warn", "error"}, s.LogLevel):
		return c, wrong("log-level", "is debug, info, warn or error")
	default:
		err = c.level.UnmarshalText([]byte(s.LogLevel))
	}
	return c, err
}

// sender fills in and checks who mails come from.
func (c *checked) sender(host string) error {
	if c.MailFrom == "" {
		if c.relay != nil {
			return wrong("mail-from", "is required with a relay: the address that mails come from")
		}
		if net.ParseIP(host) != nil || !strings.Contains(host, ".") {
			host = "wellweek.invalid" // RFC 2606 2: it can reach nobody, and nothing is sent without a relay
		}
		c.MailFrom = "wellweek@" + host
	}
	from, err := programs.Address(c.MailFrom)
	if err != nil {
		return wrong("mail-from", "is one plain address, such as wellweek@example.org")
	}
	if local, _, _ := strings.Cut(from, "@"); len(local) > 35 { // RFC 5321 4.5.3.1.1: 64 octets, with a reply token added
		return wrong("mail-from", "has at most 35 characters before the @, because reply tokens are added to it")
	}
	c.MailFrom = from
	if c.ReplyDomain == "" {
		_, c.ReplyDomain, _ = strings.Cut(from, "@")
	}
	if _, err := programs.Address("r@" + c.ReplyDomain); err != nil {
		return wrong("reply-domain", "is a domain, such as example.org")
	}
	return nil
}

// shown is the listening address as a browser on this machine reaches it.
func shown(listen, host string) string {
	_, port, _ := net.SplitHostPort(listen)
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// loopback reports whether a public URL is reachable from this machine alone.
func loopback(public string) bool {
	u, err := url.Parse(public)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.IsLoopback()
}

// wrong is the error about a setting; it names both of its names and never its value.
func wrong(flag, rule string) error {
	return usage{fmt.Errorf("%s (--%s) %s", envName(flag), flag, rule)}
}

// usage is an error of whoever typed the command: the exit status is 2.
type usage struct{ error }

// Unwrap returns the error itself.
func (u usage) Unwrap() error { return u.error }

package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadLetter(t *testing.T) {
	t.Parallel()
	raw := strings.ReplaceAll(`From: =?utf-8?q?Wellw=C3=A9ek?= <w@example.org>
Subject: =?utf-8?b?w5xiZXI=?= all
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

caf=C3=A9 =
here
--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+YTwvcD4=
--b
Content-Type: text/calendar; method=CANCEL; charset=utf-8

METHOD:CANCEL
SUMMARY:A\, b\; c
UID:1-2
 -3
SEQUENCE:4
DTSTART:20261118T113000Z
DTEND:20261118T121500Z
--b--

--a
Content-Type: text/calendar; charset=utf-8

METHOD:REQUEST
--a--
`, "\n", "\r\n")
	l, err := readLetter([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if l.subject != "Über all" || l.from != "Wellwéek <w@example.org>" || l.text != "café here" || l.html != "<p>a</p>" || len(l.headers) != 3 {
		t.Errorf("%+v", l)
	}
	inv := readInvitation(l.calendar, zoneOf("Europe/Berlin"))
	want := &invitation{Method: "CANCEL", UID: "1-2-3", Sequence: "4", Summary: "A, b; c", When: "Wed 18 November, 12:30–13:15 (Berlin)"}
	if diff := cmp.Diff(want, inv); diff != "" {
		t.Error(diff)
	}
	if inv.token() != "CANCEL" || (&invitation{Method: "X\r\nY: z"}).token() != "PUBLISH" || (&invitation{}).token() != "PUBLISH" {
		t.Error("the method as a parameter")
	}
	if readInvitation("", zoneOf("")) != nil {
		t.Error("an invitation out of nothing")
	}
	deep := "Content-Type: text/plain\r\n\r\nx"
	for _, b := range "abcdefghij" {
		deep = "Content-Type: multipart/mixed; boundary=" + string(b) + "\r\n\r\n--" + string(b) + "\r\n" + deep + "\r\n--" + string(b) + "--\r\n"
	}
	for _, bad := range []string{"", "no header", deep, "Content-Type: ;;\r\n\r\nx"} {
		if _, err := readLetter([]byte(bad)); err == nil {
			t.Errorf("%.40q is read", bad)
		}
	}
	for html, want := range map[string]string{
		"<html><head><title>a</title></head>": `<html><head><base target="_blank"><title>a</title></head>`,
		"<HTML><HEAD></HEAD>":                 `<HTML><HEAD><base target="_blank"></HEAD>`,
		"<p>a</p>":                            `<base target="_blank"><p>a</p>`,
	} {
		if got := opensOutside(html); got != want {
			t.Errorf("%q: %q", html, got)
		}
	}
}

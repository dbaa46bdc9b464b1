package api

import "strings"

// matches reports whether If-None-Match names the tag, and in which form. Its comparison is the weak one, so a W/ in front is
// passed over (RFC 9110 13.1.2). Either form matches whatever this request would get, for both stand for the same calendar; but who
// never gets the compressed form cannot have stored it.
func matches(values []string, tag []byte, squeeze, zipped bool) (match, form bool) {
	for _, v := range values {
		if strings.TrimSpace(v) == "*" {
			return true, zipped
		}
		for {
			v = strings.TrimLeft(v, " \t,")
			v = strings.TrimPrefix(v, "W/")
			if v == "" || v[0] != '"' {
				break // no list of tags from here on
			}
			one, rest, closed := strings.Cut(v[1:], `"`)
			if !closed {
				break
			}
			if one == string(tag) {
				return true, false
			}
			if base, ok := strings.CutSuffix(one, gzipSuffix); ok && squeeze && base == string(tag) {
				return true, true
			}
			v = rest
		}
	}
	return false, false
}

// acceptsGzip reads Accept-Encoding: gzip named, or a star, and not refused by q=0 (RFC 9110 12.5.3).
func acceptsGzip(values []string) bool {
	star := false
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			name, weight, _ := strings.Cut(part, ";")
			name = strings.TrimSpace(name)
			if name != "*" && !strings.EqualFold(name, "gzip") && !strings.EqualFold(name, "x-gzip") {
				continue
			}
			accepted := !refused(weight)
			if name != "*" {
				return accepted
			}
			star = accepted
		}
	}
	return star
}

// refused reports whether a weight is q=0, in any of its spellings: 0, 0.0, 0.000.
func refused(weight string) bool {
	weight = strings.TrimSpace(weight)
	if len(weight) < 3 || weight[0]|0x20 != 'q' || weight[1] != '=' {
		return false
	}
	return strings.Trim(weight[2:], "0.") == ""
}

// mayGzip is false for clients of Outlook and Microsoft, whatever they accept: one of them failed on a compressed feed
// (markuspoerschke/iCal #541).
func mayGzip(agent string) bool {
	return !holds(agent, "outlook") && !holds(agent, "microsoft")
}

// clientFamily is which family of calendar programs asks. Only that is kept, never the agent's own words: they can tell people apart.
func clientFamily(agent string) string {
	switch {
	case holds(agent, "google"):
		return "google"
	case holds(agent, "microsoft"), holds(agent, "outlook"), holds(agent, "office365"):
		return "microsoft"
	case holds(agent, "thunderbird"):
		return "thunderbird"
	case holds(agent, "dataaccessd"), holds(agent, "calendaragent"), holds(agent, "caldavd"), holds(agent, "ical/"):
		return "apple"
	}
	return "other"
}

// holds reports whether s has the lower-case ASCII word in it, in any case of letters, without making a copy.
func holds(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		j := 0
		for j < len(word) && lower(s[i+j]) == word[j] {
			j++
		}
		if j == len(word) {
			return true
		}
	}
	return false
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Feed is a private calendar link.
type Feed struct {
	ID        string  `json:"id"`
	Scope     string  `json:"scope" enum:"mine,program,hosting"`
	ProgramID *string `json:"program_id"`
	Name      string  `json:"name"`
	CreatedAt string  `json:"created_at" format:"date-time"`
	FetchedAt *string `json:"fetched_at" format:"date-time" doc:"When a calendar looked last"`
	Client    *string `json:"client" doc:"The family of the calendar that looked last"`
}

// NewFeed is a feed that was just made. Its address is shown here and never again.
type NewFeed struct {
	Feed
	URL       string `json:"url" doc:"The address to subscribe to; whoever has it reads the feed"`
	WebcalURL string `json:"webcal_url" doc:"The same address in the form that opens a calendar program"`
}

// FeedInput makes a feed.
type FeedInput struct {
	Scope     string  `json:"scope" enum:"mine,program,hosting"`
	ProgramID *string `json:"program_id,omitempty" doc:"For scope program: the program's id or slug"`
	Name      string  `json:"name,omitempty" doc:"For your own list, such as the device"`
}

func (s *server) feeds() {
	op(s, operation{
		Method: http.MethodGet, Path: "/me/feeds", ID: "list-feeds", Tag: "Me", Act: programs.WriteFeeds,
		Summary: "List your calendar feeds",
	}, func(ctx context.Context, rq *door.Request, _ *struct{}) (*page[Feed], error) {
		return store.Read(ctx, s.Store, func(v *store.View) (*page[Feed], error) {
			feeds, err := v.Feeds(rq.Actor)
			return pageOf(feeds, "", feedForm), err
		})
	})
	op(s, operation{
		Method: http.MethodPost, Path: "/me/feeds", ID: "create-feed", Tag: "Me", Act: programs.WriteFeeds, Status: http.StatusCreated,
		Summary: "Make a calendar feed", About: "The address is in this answer and shown never again. A key without a person makes `program` feeds only.",
		Refusal: []int{404},
	}, func(ctx context.Context, rq *door.Request, in *struct{ Body FeedInput }) (*told[NewFeed], error) {
		token, hash := feedToken()
		return act(ctx, s, rq, true, func(tx *store.Tx) (*told[NewFeed], error) {
			f, err := tx.AddFeed(rq.Actor, programs.Feed{
				Scope: programs.FeedScope(in.Body.Scope), Program: programs.ProgramID(value(in.Body.ProgramID)), Name: in.Body.Name,
			}, hash)
			if errors.Is(err, programs.NotFound) {
				return nil, at(err, "body.program_id")
			}
			if err != nil {
				return nil, err
			}
			address := strings.TrimSuffix(s.PublicURL, "/") + "/feeds/" + token + ".ics"
			_, rest, _ := strings.Cut(address, "://")
			return &told[NewFeed]{Body: NewFeed{Feed: feedForm(f), URL: address, WebcalURL: "webcal://" + rest}}, nil
		})
	})
	op(s, operation{
		Method: http.MethodDelete, Path: "/me/feeds/{id}", ID: "revoke-feed", Tag: "Me", Act: programs.WriteFeeds,
		Summary: "Stop a calendar feed for good", About: "Stopping it twice is the same.",
	}, func(ctx context.Context, rq *door.Request, in *struct {
		ID string `path:"id" maxLength:"64"`
	},
	) (*ended, error) {
		return act(ctx, s, rq, false, func(tx *store.Tx) (*ended, error) {
			return &ended{}, tx.RevokeFeed(rq.Actor, programs.FeedID(in.ID))
		})
	})
}

// feedToken is 192 random bits as text, and the hash under which it is stored.
func feedToken() (token string, hash [sha256.Size]byte) {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, sha256.Sum256([]byte(token))
}

func feedForm(f programs.Feed) Feed {
	return Feed{
		ID: string(f.ID), Scope: string(f.Scope), ProgramID: text(f.Program), Name: f.Name, CreatedAt: f.CreatedAt.String(),
		FetchedAt: instant(f.FetchedAt), Client: text(f.Client),
	}
}

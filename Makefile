# Everything a developer does. CI runs exactly `make test`.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# One set of build flags for everything: another set would compile SQLite again, for a minute or two. -buildvcs=false, because git
# refuses to answer root in a clone that belongs to another user.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -buildvcs=false

# What to test: make suite PKGS=./calendar
PKGS ?= ./...

VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS = -s -w -X main.version=$(VERSION)

GOFUMPT     = mvdan.cc/gofumpt@v0.12.0
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.8.0

.PHONY: help run build test suite check golden fuzz bench openapi tidy-check vuln

help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name what; do printf '  make %-11s %s\n' "$$name" "$$what"; done

run: build ## Build and start the demo: the whole product with nothing to set up
	@env -u WELLWEEK_TEST_POSTGRES -u WELLWEEK_REQUIRE_POSTGRES bin/wellweek demo

build: ## Build bin/wellweek, one static file
	go build -ldflags "$(LDFLAGS)" -o bin/wellweek ./cmd/wellweek

# PostgreSQL's own commands are not in the PATH on Debian; initdb refuses root, so as root the server runs as its package's user.
# Its data is thrown away, so it does not wait for the disk.
define TEST
set -u
find_postgres() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 | grep . || dirname "$$(command -v initdb 2>/dev/null)" 2>/dev/null | grep /; }
missing=""
bin=$$(find_postgres)
if [ -z "$$bin" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "Installing PostgreSQL for its half of the tests."
	mkdir -p /etc/postgresql-common
	grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf || echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql; } >/dev/null || true
	bin=$$(find_postgres)
fi
as=""
dir=""
if [ -n "$${WELLWEEK_TEST_POSTGRES:-}" ]; then
	echo "Testing with the PostgreSQL server that WELLWEEK_TEST_POSTGRES names."
elif [ -n "$$bin" ]; then
	dir=$$(mktemp -d)
	if [ "$$(id -u)" = 0 ]; then as="runuser -u postgres --"; chown postgres "$$dir"; fi
	stop() { (cd "$$dir" && $$as "$$bin/pg_ctl" -D "$$dir/data" -m immediate -w stop >/dev/null 2>&1); rm -rf "$$dir"; }
	trap stop EXIT
	trap 'exit 1' INT TERM HUP
	if (cd "$$dir" && $$as "$$bin/initdb" -D "$$dir/data" -U postgres -A trust --no-sync -E UTF8 --locale=C >"$$dir/log" 2>&1 &&
		$$as "$$bin/pg_ctl" -D "$$dir/data" -w -l "$$dir/server.log" -o "-c listen_addresses='' -c unix_socket_directories='$$dir' -c fsync=off -c max_connections=300" start >>"$$dir/log" 2>&1); then
		WELLWEEK_TEST_POSTGRES="postgres://postgres@/postgres?host=$$dir&sslmode=disable"
		export WELLWEEK_TEST_POSTGRES
	else
		cat "$$dir"/*log
		missing="$$missing\n  * the tests on PostgreSQL: a private server did not start, see above"
	fi
else
	missing="$$missing\n  * the tests on PostgreSQL: apt-get install postgresql (not as root: ask somebody who is)"
fi
if [ "$${CI:-}" = true ]; then WELLWEEK_REQUIRE_POSTGRES=1; export WELLWEEK_REQUIRE_POSTGRES; fi
status=0
if command -v "$${CC:-gcc}" >/dev/null; then
	CGO_ENABLED=1 go test -race -timeout 20m $(PKGS) || status=1
else
	missing="$$missing\n  * the race detector: apt-get install gcc libc6-dev"
	go test -timeout 20m $(PKGS) || status=1
fi
if [ -n "$$missing" ]; then
	printf '\n==================================================================\n'
	printf 'LEFT OUT on this machine, with the command that brings it:'
	printf "$$missing\n"
	printf '==================================================================\n'
fi
exit $$status
endef
export TEST

test: check suite ## Check, then test everything on both engines, with the race detector where a C compiler is

suite: ## Test without checking first; PKGS=./calendar picks one room
	@sh -c "$$TEST"

check: tidy-check ## Format, vet, lint, module files
	@out=$$(go run $(GOFUMPT) -l $$(git ls-files -co --exclude-standard '*.go')); if [ -n "$$out" ]; then echo "not formatted (go run $(GOFUMPT) -w .):"; echo "$$out"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod verify

tidy-check: ## Is go.mod what the code needs?
	go mod tidy -diff

golden: ## Write the golden files anew; read the difference before committing it
	@go test $$(grep -rlE 'flag\.Bool\("update"' --include='*_test.go' . | xargs -n 1 dirname | sort -u) -update

fuzz: ## Fuzz each target for a minute
	@grep -rnoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . | sed -E 's|^(.*)/[^/]+:[0-9]+:func (.*)|\1 \2|' | sort -u | while read -r folder name; do \
		echo "== $$folder $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime "$${FUZZTIME:-60s}" "$$folder" || exit 1; done

bench: ## Run the benchmarks, those of the whole process too: start, memory, size
	@go test -run '^$$' -bench . -benchmem $$(grep -rlE '^func Benchmark' --include='*_test.go' . | xargs -n 1 dirname | sort -u)

openapi: ## Print the OpenAPI document
	@env -u WELLWEEK_TEST_POSTGRES -u WELLWEEK_REQUIRE_POSTGRES go run ./cmd/wellweek openapi

vuln: ## Look the modules up in the public list of vulnerabilities
	go run $(GOVULNCHECK) ./...

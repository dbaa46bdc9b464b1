package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// fileLock is the lock of the one process that serves a SQLite file. It is the kernel's, so kill -9 frees it.
type fileLock struct{ file *os.File }

// errLocked is inside the error of lockFile when another process holds the lock.
var errLocked = errors.New("locked")

// lockFile takes the lock beside a database without waiting. The file holds the owner's process id and stays behind: removing it
// would let two processes lock two files of the same name.
func lockFile(database string) (*fileLock, error) {
	path := database + ".lock"
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lock of the database cannot be made: %w", err)
	}
	for {
		if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		content, _ := io.ReadAll(io.LimitReader(file, 32))
		holder := strings.TrimSpace(string(content))
		if holder == "" {
			holder = "unknown"
		}
		return nil, errors.Join(fmt.Errorf("%s is in use by process %s, which holds %s; stop that process first (%w)", database, holder, path, errLocked), file.Close())
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the lock %s cannot be taken: %w", path, err), file.Close())
	}
	return &fileLock{file: file}, nil
}

// release lets the lock go.
func (l *fileLock) release() error { return l.file.Close() }

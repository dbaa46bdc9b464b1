package api

import (
	"container/list"
	"sync"
)

// weighed keeps what was used last, up to a total weight in bytes. It may be used from any goroutine.
type weighed[K comparable, V any] struct {
	mu    sync.Mutex
	limit int
	total int
	at    map[K]*list.Element
	order *list.List // of kept[K, V], the last used first
}

type kept[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

func newWeighed[K comparable, V any](limit int) *weighed[K, V] {
	return &weighed[K, V]{limit: limit, at: map[K]*list.Element{}, order: list.New()}
}

func (w *weighed[K, V]) get(k K) (V, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.at[k]
	if !ok {
		var none V
		return none, false
	}
	w.order.MoveToFront(e)
	return e.Value.(kept[K, V]).value, true
}

// put keeps v in the place of what k had. What weighs more than everything may is not kept.
func (w *weighed[K, V]) put(k K, v V, weight int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, ok := w.at[k]; ok {
		w.drop(e)
	}
	if weight > w.limit {
		return
	}
	w.total += weight
	w.at[k] = w.order.PushFront(kept[K, V]{k, v, weight})
	for w.total > w.limit {
		w.drop(w.order.Back())
	}
}

func (w *weighed[K, V]) drop(e *list.Element) {
	old := w.order.Remove(e).(kept[K, V])
	delete(w.at, old.key)
	w.total -= old.weight
}

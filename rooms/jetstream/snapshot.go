package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// snapshotEntries is after how many entries there is another snapshot,
	// snapshotAge after how much time if there were any.
	snapshotEntries = 1_000_000
	snapshotAge     = 24 * time.Hour
	// snapshotsKept are kept. The journal reaches back to the oldest of them.
	snapshotsKept = 2
	snapshotLook  = time.Minute
	lookFor       = 5 * time.Second
	storeFor      = 30 * time.Minute // for a snapshot to be put or got
)

// BehindError tells that the journal no longer holds what this node has to apply
// next, or never did: the node needs a snapshot, see [Restore].
type BehindError struct {
	At, First uint64 // applied so far; the first that the journal has
}

func (e *BehindError) Error() string {
	return fmt.Sprintf("this node has applied up to %d, and the journal begins at %d", e.At, e.First)
}

// snapshot is a store as it was at a place of the journal.
type snapshot struct {
	at   uint64
	made time.Time
	name string
}

var errNoSnapshot = errors.New("the cluster has none yet: the node that leads the journal makes it")

func (c *Cluster) bucket() string { return "chatd-" + c.config.Name + "-snapshots" }

// snapshots opens the place where snapshots are kept.
func (c *Cluster) snapshots(ctx context.Context, js jetstream.JetStream) (jetstream.ObjectStore, error) {
	bucket, err := js.ObjectStore(ctx, c.bucket())
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		bucket, err = js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: c.bucket(), Description: "chatd: stores to begin from", Replicas: c.replicas(), Storage: jetstream.FileStorage,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	return bucket, nil
}

// list lists the snapshots, ascending by place.
func list(ctx context.Context, bucket jetstream.ObjectStore) ([]snapshot, error) {
	infos, err := bucket.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, fmt.Errorf("list the snapshots: %w", err)
	}
	var all []snapshot
	for _, info := range infos {
		if at, err := strconv.ParseUint(info.Name, 10, 64); err == nil {
			all = append(all, snapshot{at, info.ModTime, info.Name})
		}
	}
	slices.SortFunc(all, func(a, b snapshot) int { return cmp.Compare(a.at, b.at) })
	return all, nil
}

func (c *Cluster) snapshotEvery() uint64 { return cmp.Or(c.config.SnapshotEvery, snapshotEntries) }

// passed has the snapshots looked at when the node has passed a round place.
func (c *Cluster) passed(before, at uint64) {
	if every := c.snapshotEvery(); c.config.URL == "" && before/every != at/every {
		select {
		case c.snapshotDue <- struct{}{}:
		default:
		}
	}
}

// keepSnapshots makes a snapshot whenever there should be one, and trims the
// journal behind it, until ctx is done.
func (c *Cluster) keepSnapshots(ctx context.Context, l *link) {
	if c.config.Snapshot == nil {
		return
	}
	select {
	case <-c.status.begun:
	case <-ctx.Done():
		return
	}
	// At first often: who leads the stream may not be settled yet.
	for look := time.Second; ; look = min(2*look, snapshotLook) {
		if err := c.keepSnapshot(ctx, l); err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "no snapshot could be made; trying again", "err", err)
		}
		// All nodes look. They do so at random, so that rarely two make one.
		select {
		case <-time.After(look/2 + rand.N(look)):
		case <-c.snapshotDue:
		case <-ctx.Done():
			return
		}
	}
}

// keepSnapshot makes a snapshot if it is time, and then forgets what nobody
// needs any more: old snapshots, and the journal before the oldest one kept.
func (c *Cluster) keepSnapshot(ctx context.Context, l *link) error {
	// A question that is lost is asked again; only a snapshot on its way may take
	// its time.
	asking, stop := context.WithTimeout(ctx, lookFor)
	defer stop()
	info, err := l.stream.Info(asking)
	if err != nil {
		return err
	}
	if group := info.Cluster; c.config.URL == "" && group != nil && group.Leader != c.name {
		return nil // its leader does
	}
	bucket, err := c.snapshots(asking, l.js)
	if err != nil {
		return err
	}
	all, err := list(asking, bucket)
	if err != nil {
		return err
	}
	at, _ := c.status.place()
	newest := snapshot{made: info.Created}
	if len(all) > 0 {
		newest = all[len(all)-1]
	}
	due := at >= newest.at+c.snapshotEvery() || at > newest.at && time.Since(newest.made) > snapshotAge ||
		len(all) == 0 && info.State.FirstSeq > 1 // the journal alone is not all
	if !due {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeFor)
	defer cancel()
	made, err := c.putSnapshot(ctx, bucket)
	if err != nil {
		return err
	}
	c.log.InfoContext(ctx, "made a snapshot", "at", made.at)
	all = append(slices.DeleteFunc(all, func(s snapshot) bool { return s.at == made.at }), made)
	if len(all) < snapshotsKept {
		return nil
	}
	oldest := all[len(all)-snapshotsKept]
	for _, s := range all[:len(all)-snapshotsKept] {
		if err := bucket.Delete(ctx, s.name); err != nil {
			return fmt.Errorf("delete snapshot %s: %w", s.name, err)
		}
	}
	if err := l.stream.Purge(ctx, jetstream.WithPurgeSequence(oldest.at+1)); err != nil {
		return fmt.Errorf("trim the journal: %w", err)
	}
	return nil
}

func (c *Cluster) putSnapshot(ctx context.Context, bucket jetstream.ObjectStore) (snapshot, error) {
	dir := filepath.Join(c.config.Dir, "snapshot")
	if err := os.RemoveAll(dir); err != nil { // of a process that ended in the midst of it
		return snapshot{}, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return snapshot{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // or the next one does
	file := filepath.Join(dir, "store")
	at, err := c.config.Snapshot(ctx, file)
	if err != nil {
		return snapshot{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return snapshot{}, err
	}
	defer func() { _ = f.Close() }() // only read
	s := snapshot{at, time.Now(), fmt.Sprintf("%020d", at)}
	if _, err := bucket.Put(ctx, jetstream.ObjectMeta{Name: s.name}, f); err != nil {
		return snapshot{}, fmt.Errorf("put snapshot %s: %w", s.name, err)
	}
	return s, nil
}

// Restore writes the newest snapshot of the cluster to file, for a node whose
// Run ended with a [BehindError]. The cluster must not run.
func (c *Cluster) Restore(ctx context.Context, file string) error {
	return c.with(ctx, false, func(ctx context.Context, js jetstream.JetStream) error {
		ctx, cancel := context.WithTimeout(ctx, storeFor)
		defer cancel()
		bucket, all, err := c.findSnapshots(ctx, js)
		if err != nil {
			return err
		}
		newest := all[len(all)-1]
		c.log.InfoContext(ctx, "getting a snapshot", "at", newest.at)
		object, err := bucket.Get(ctx, newest.name)
		if err != nil {
			return fmt.Errorf("get snapshot %s: %w", newest.name, err)
		}
		defer func() { _ = object.Close() }() // only read
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, object) // checks the digest at the end
		return errors.Join(err, f.Sync(), f.Close())
	})
}

// findSnapshots waits until there are snapshots, and lists them: what leads a
// cluster that has just begun is about to make one.
func (c *Cluster) findSnapshots(ctx context.Context, js jetstream.JetStream) (jetstream.ObjectStore, []snapshot, error) {
	var said time.Time
	for {
		asking, stop := context.WithTimeout(ctx, askFor)
		bucket, err := c.snapshots(asking, js)
		var all []snapshot
		if err == nil {
			all, err = list(asking, bucket)
		}
		stop()
		if err == nil && len(all) > 0 {
			return bucket, all, nil
		}
		err = cmp.Or(err, errNoSnapshot)
		if time.Since(said) > sayAgain {
			said = time.Now()
			c.log.InfoContext(ctx, "waiting for a snapshot", "why", err)
		}
		select {
		case <-time.After(openAgain):
		case <-ctx.Done():
			return nil, nil, err
		}
	}
}

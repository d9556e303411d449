package rooms

// Prepare is all that stands between a post and the journal.
var Prepare = (*Registry).prepare

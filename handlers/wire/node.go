package wire

// Node answers GET /node: what a chatd is, and how it stands to its cluster.
type Node struct {
	VersionInfo
	Time    Time         `json:"time" swaggertype:"string" format:"date-time"` // by this node's clock
	Role    string       `json:"role" enums:"alone,node,edge" example:"node"`  // what it is in its cluster
	Ready   bool         `json:"ready"`                                        // it takes clients
	Why     string       `json:"why,omitempty"`                                // it does not, or does not know its cluster
	At      uint64       `json:"at" example:"12345"`                           // place in the journal up to which it has applied
	Seals   []Seal       `json:"seals"`                                        // what applying came to, at some places
	Cluster *NodeCluster `json:"cluster,omitempty"`                            // absent on a server that is alone
	// Settings are those that all nodes of a cluster must share, by the names of
	// their flags. Of secrets they have a fingerprint.
	Settings map[string]string `json:"settings"`
}

// Seal is a hash over all that the journal came to up to a place.
type Seal struct {
	At  uint64 `json:"at" example:"12288"`
	Sum string `json:"sum"`
}

// NodeCluster is a cluster as one of its nodes sees it.
type NodeCluster struct {
	Name            string     `json:"name" example:"chat"`
	Node            string     `json:"node" example:"a.example:6222"` // by which the others know this node
	First           uint64     `json:"first"`                         // place in the journal
	Last            uint64     `json:"last"`                          // place in the journal
	Bytes           uint64     `json:"bytes"`                         // that the journal takes on each disk
	Leader          string     `json:"leader,omitempty" example:"b.example:6222"`
	Followers       []Follower `json:"followers"`
	CertificateEnds *Time      `json:"certificate_ends,omitempty" swaggertype:"string" format:"date-time"` // that of the connections between nodes
}

// Follower is a node that keeps the journal and does not lead it.
type Follower struct {
	Node    string `json:"node" example:"c.example:6222"`
	Current bool   `json:"current"` // it has what the leader has
	Offline bool   `json:"offline"` // the leader does not hear from it
	Lag     uint64 `json:"lag"`     // what it has not got yet
}

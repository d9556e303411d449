package wire

// CreateBan is the body of POST /rooms/{id}/bans. Who or Address must be there.
type CreateBan struct {
	Who         string `json:"who,omitempty" example:"guest:Ana"`          // the id of whom it holds
	Name        string `json:"name,omitempty" example:"Ana"`               // to be listed, for who is not in the room
	Address     string `json:"address,omitempty" example:"203.0.113.0/24"` // an address or a network: whoever comes from there
	WithAddress bool   `json:"with_address,omitempty"`                     // the addresses from which who is connected now, too
	Seconds     int64  `json:"seconds,omitempty" validate:"min=0,max=3153600000" example:"3600"`
	Reason      string `json:"reason,omitempty" validate:"line=300" example:"spam"`
}

// CreateMute is the body of POST /rooms/{id}/mutes.
type CreateMute struct {
	Who     string `json:"who" validate:"required" example:"guest:Ana"`
	Name    string `json:"name,omitempty" example:"Ana"`
	Seconds int64  `json:"seconds,omitempty" validate:"min=0,max=3153600000" example:"600"`
	Reason  string `json:"reason,omitempty" validate:"line=300"`
}

// CreateKick is the body of POST /rooms/{id}/kicks.
type CreateKick struct {
	Who    string `json:"who" validate:"required" example:"guest:Ana"`
	Reason string `json:"reason,omitempty" validate:"line=300"`
}

// Sanction is a ban or a mute.
type Sanction struct {
	ID        uint64   `json:"id" example:"7"`
	Who       *Person  `json:"who,omitempty"`        // absent where only addresses are banned
	ByAddress bool     `json:"by_address,omitempty"` // addresses are banned
	Addresses []string `json:"addresses,omitempty"`  // which: for those only who may manage
	Reason    string   `json:"reason,omitempty" example:"spam"`
	By        Person   `json:"by"`
	At        Time     `json:"at" swaggertype:"string" format:"date-time"`
	Until     *Time    `json:"until,omitempty" swaggertype:"string" format:"date-time"` // absent is until it is lifted
}

// BanList is a page of bans, ascending by id.
type BanList struct {
	Bans []Sanction `json:"bans"`
	Next string     `json:"next,omitempty"`
}

// MuteList is a page of mutes, ascending by id.
type MuteList struct {
	Mutes []Sanction `json:"mutes"`
	Next  string     `json:"next,omitempty"`
}

// Cleared tells how many messages were deleted.
type Cleared struct {
	Deleted int `json:"deleted" example:"12"`
}

// AuditRecord says who did what, when, and to whom.
type AuditRecord struct {
	ID     uint64  `json:"id" example:"42"`
	Room   string  `json:"room" example:"lobby"`
	At     Time    `json:"at" swaggertype:"string" format:"date-time"`
	By     Person  `json:"by"`
	Action string  `json:"action" enums:"kick,ban,unban,mute,unmute,delete,clear,create-room,update-room,delete-room,create-webhook,update-webhook,delete-webhook"`
	Who    *Person `json:"who,omitempty"`
	Seq    uint64  `json:"seq,omitempty"`   // of the message that was deleted
	Count  int     `json:"count,omitempty"` // of the messages that were cleared
	Reason string  `json:"reason,omitempty"`
	Until  *Time   `json:"until,omitempty" swaggertype:"string" format:"date-time"`
	Detail string  `json:"detail,omitempty" example:"mode=announce"`
}

// AuditList is a page of the audit log, the newest first.
type AuditList struct {
	Records []AuditRecord `json:"records"`
	Next    string        `json:"next,omitempty"`
}

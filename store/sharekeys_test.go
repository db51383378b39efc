package store_test

import (
	"testing"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// TestSameKeyInOneCall: a request that repeats the key of an earlier one of its call gets its
// answer, and does not wait for what the call itself has not given to the disk.
func TestSameKeyInOneCall(t *testing.T) {
	ctx := t.Context()
	s := storetest.Open(t)
	packet := store.RedPacket("ann", "CNY", gen.Split{Total: 100, Count: 4})
	packet.Key = "packet"
	made := s.ShareAll(ctx, []store.Shared{packet, packet})
	wantErr(t, "share", made[0].Err, nil)
	if made[1].Err != nil || made[1].Info != made[0].Info {
		t.Errorf("%+v, want %+v", made[1], made[0])
	}
	c := store.Claim{Token: made[0].Info.Token, User: "bob", Key: "k"}
	other := c
	other.User = "cat"
	claims := s.ClaimAll(ctx, []store.Claim{c, c, other})
	wantErr(t, "claim", claims[0].Err, nil)
	if claims[1].Err != nil || claims[1].Receipt.Number != claims[0].Receipt.Number {
		t.Errorf("%+v, want %+v", claims[1], claims[0])
	}
	wantErr(t, "the key of another user", claims[2].Err, store.ErrKeyConflict)
	r := store.Redemption{Code: c.Token, User: "dan", Key: "r"}
	redeemed := s.RedeemAll(ctx, []store.Redemption{r, r})
	wantErr(t, "redeem", redeemed[0].Err, nil)
	if redeemed[1].Err != nil || redeemed[1].Receipt.Number != redeemed[0].Receipt.Number {
		t.Errorf("%+v, want %+v", redeemed[1], redeemed[0])
	}
}

package paylink

import (
	"fmt"
	"slices"
	"strings"
)

// Wallet is who pays: the app that scanned a link. The zero value is Other.
type Wallet uint8

// The wallets that have a page of their own.
const (
	Other Wallet = iota // no wallet, or none that is known here
	WeChat
	Alipay
	QQ
	JD
	UnionPay // Cloud QuickPass, and the bank apps that pay UnionPay codes
)

// walletNames are the texts of wallets and how people call them.
var walletNames = [...]struct{ text, name string }{
	Other:    {"other", "another wallet"},
	WeChat:   {"wechat", "WeChat Pay"},
	Alipay:   {"alipay", "Alipay"},
	QQ:       {"qq", "QQ Wallet"},
	JD:       {"jd", "JD Pay"},
	UnionPay: {"unionpay", "UnionPay"},
}

// Wallets returns all wallets but Other.
func Wallets() []Wallet { return []Wallet{WeChat, Alipay, QQ, JD, UnionPay} }

// String returns the text of a wallet, as ParseWallet reads it.
func (w Wallet) String() string {
	if int(w) >= len(walletNames) {
		return fmt.Sprintf("Wallet(%d)", uint8(w))
	}
	return walletNames[w].text
}

// Name returns what people call the wallet.
func (w Wallet) Name() string {
	if int(w) >= len(walletNames) {
		return w.String()
	}
	return walletNames[w].name
}

// MarshalText implements encoding.TextMarshaler; a number that is no wallet is ErrUnknownWallet.
func (w Wallet) MarshalText() ([]byte, error) {
	if int(w) >= len(walletNames) {
		return nil, fmt.Errorf("%w: number %d", ErrUnknownWallet, uint8(w))
	}
	return []byte(w.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler as ParseWallet reads.
func (w *Wallet) UnmarshalText(text []byte) error {
	got, err := ParseWallet(string(text))
	if err == nil {
		*w = got
	}
	return err
}

// ParseWallet returns the wallet of a text: other, wechat, alipay, qq, jd or unionpay. Any other
// is ErrUnknownWallet.
func ParseWallet(text string) (Wallet, error) {
	i := slices.IndexFunc(walletNames[:], func(n struct{ text, name string }) bool { return n.text == text })
	if i < 0 {
		return Other, fmt.Errorf("%w: %.40q: write wechat, alipay, qq, jd, unionpay or other", ErrUnknownWallet, text)
	}
	return Wallet(i), nil
}

// marks are what wallets write into their User-Agent, in small letters; the first that is
// found counts. UnionPay is the last since other wallets that pay its codes name it too: JD Finance
// says "CpayJS=UnionPay/1.0 JDJR". "MQQBrowser" is no mark: it is the engine in WeChat, QQ
// and JD on Android, and a browser.
var marks = [...]struct {
	text   string
	wallet Wallet
}{
	{"micromessenger/", WeChat}, // also WeCom, which pays with WeChat
	{"alipayclient/", Alipay},   // "AliApp(" alone is any app of the house, Taobao say
	{"qq/", QQ},
	{"ipadqq/", QQ},
	{"jdapp;", JD},
	{"jdltapp;", JD},        // the small app for cheap phones
	{"jdjr-app", JD},        // JD Finance
	{"unionpay/", UnionPay}, // "UnionPay/1.0 CloudPay", and another name for each bank
	{"com.unionpay.", UnionPay},
}

// maxUserAgent is how much of a User-Agent is read. The longest of those known, JD Finance's, has 700
// bytes, with the mark in the first 200.
const maxUserAgent = 1024

// WalletOf tells the wallet from a User-Agent, or Other. Marks count in any case of their
// letters, where no letter or digit is before them, in the first 1024 bytes. If there
// are those of several wallets, WeChat comes before Alipay, QQ, JD and UnionPay.
func WalletOf(userAgent string) Wallet {
	seen := strings.ToLower(userAgent[:min(len(userAgent), maxUserAgent)])
	for _, m := range marks {
		if hasWord(seen, m.text) {
			return m.wallet
		}
	}
	return Other
}

// hasWord reports whether a word begins with mark.
func hasWord(text, mark string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], mark)
		if i < 0 {
			return false
		}
		from += i
		if from == 0 || !alphanumeric(text[from-1]) {
			return true
		}
		from++
	}
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

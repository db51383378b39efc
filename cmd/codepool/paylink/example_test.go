package paylink_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"

	"codepool/cmd/codepool/paylink"
	"codepool/gen"
)

// One link serves each wallet its own page. newMemory makes a Backend that keeps all in memory.
func ExampleHandler() {
	cny, err := gen.CurrencyOf("CNY")
	if err != nil {
		fmt.Println(err)
		return
	}
	backend := newMemory(paylink.Link{ID: "tea", Goods: "Tea for two", Amount: 1234, Currency: cny})
	h, err := paylink.Handler(backend, &paylink.Options{Base: "https://pay.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, app := range []string{"MicroMessenger/8.0.49", "AlipayClient/10.5.86", "Firefox/140.0"} {
		r := httptest.NewRequest("GET", "https://pay.example/p/tea", nil)
		r.Header.Set("User-Agent", "Mozilla/5.0 (Linux; Android 13) "+app)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code == http.StatusOK, regexp.MustCompile(`<title>(.*)</title>`).FindStringSubmatch(w.Body.String())[1])
	}
	fmt.Println(len(backend.orders()), "orders")
	// Output:
	// true WeChat Pay: Tea for two
	// true Alipay: Tea for two
	// true Pay: Tea for two
	// 2 orders
}

func ExampleWalletOf() {
	fmt.Println(paylink.WalletOf("Mozilla/5.0 (iPhone) MicroMessenger/7.0.8(0x17000820) NetType/4G Language/zh_CN").Name())
	fmt.Println(paylink.WalletOf("Mozilla/5.0 (Linux; Android 10) Chrome/66.0 MQQBrowser/9.6 Mobile Safari/537.36").Name())
	// Output:
	// WeChat Pay
	// another wallet
}

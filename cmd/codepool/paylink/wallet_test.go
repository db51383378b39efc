package paylink_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"codepool/cmd/codepool/paylink"
)

const (
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 14_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/18F72 "
	android = "Mozilla/5.0 (Linux; Android 10; MI 8 Build/QKQ1.190910.002; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
)

// agents are what apps send.
var agents = []struct {
	what  string
	agent string
	want  paylink.Wallet
}{
	{"WeChat, iPhone", iphone + "MicroMessenger/7.0.8(0x17000820) NetType/4G Language/zh_CN", paylink.WeChat},
	{"WeChat, Android", android + "Chrome/66.0.3359.126 MQQBrowser/6.2 TBS/044306 Mobile Safari/537.36 MicroMessenger/6.6.7.1320(0x26060739) NetType/WIFI Language/zh_CN", paylink.WeChat},
	{"WeChat, Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI MiniProgramEnv/Windows WindowsWechat/WMPF WindowsWechat(0x63090a13) XWEB/18055", paylink.WeChat},
	{"WeChat in QQ Browser, Windows", "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/53.0.2875.116 Safari/537.36 QBCore/4.0.1301.400 QQBrowser/9.0.2524.400 NetType/WIFI MicroMessenger/7.0.5 WindowsWechat", paylink.WeChat},
	{"WeCom", iphone + "wxwork/3.1.16 MicroMessenger/7.0.1 Language/zh ColorScheme/Dark", paylink.WeChat},

	{"Alipay, iPhone", iphone + "ChannelId(3) NebulaSDK/1.8.100112 Nebula WK PSDType(1) AlipayDefined(nt:WIFI,ws:414|832|2.0) AliApp(AP/10.1.80.6060) AlipayClient/10.1.80.6060 Alipay Language/zh-Hans Region/CN", paylink.Alipay},
	{"Alipay, Android", "Mozilla/5.0 (Linux; U; Android 7.0; zh-CN; PRA-AL00X Build/HONORPRA-AL00X) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/57.0.2987.108 UCBrowser/11.8.8.968 UWS/2.13.2.91 Mobile Safari/537.36 UCBS/2.13.2.91_190617211143 NebulaSDK/1.8.100112 Nebula AlipayDefined(nt:4G,ws:393|0|2.75) AliApp(AP/10.1.68.7434) AlipayClient/10.1.68.7434 Language/zh-Hans useStatusBar/true isConcaveScreen/false Region/CN", paylink.Alipay},
	{"Taobao", iphone + "WindVane/8.7.2 AliApp(TB/10.1.0) 1125x2436", paylink.Other},
	{"DingTalk", iphone + "AliApp(DingTalk/6.0.0) com.laiwang.DingTalk/14865 Channel/201200 language/zh-Hans-CN", paylink.Other},

	{"QQ, iPhone", iphone + "QQ/8.8.0.608 V1_IPH_SQ_8.8.0_1_APP_A Pixel/828 SimpleUISwitch/0 StudyMode/0 QQTheme/1000 Core/WKWebView Device/Apple(iPhone XR) NetType/WIFI QBWebViewType/1 WKType/1", paylink.QQ},
	{"QQ, Android", android + "Chrome/66.0.3359.126 MQQBrowser/6.2 TBS/045140 Mobile Safari/537.36 V1_AND_SQ_8.3.5_1392_YYB_D QQ/8.3.5.4555 NetType/WIFI WebP/0.3.0 Pixel/720 StatusBarHeight/48 SimpleUISwitch/0 QQTheme/1000", paylink.QQ},
	{"QQ, iPad", "Mozilla/5.0 (iPad; CPU OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 (KHTML, like Gecko) Mobile/11D257 IPadQQ/4.1.1.14", paylink.QQ},
	{"QQ Browser, phone", android + "Chrome/66.0.3359.126 MQQBrowser/9.6 Mobile Safari/537.36", paylink.Other},
	{"QQ Browser, Windows", "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/53.0.2785.104 Safari/537.36 Core/1.53.4882.400 QQBrowser/9.7.13059.400", paylink.Other},

	{"JD, iPhone", "jdapp;iPhone;9.4.4;14.3;network/4g;Mozilla/5.0 (iPhone; CPU iPhone OS 14_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148;supportJDSHWK/1", paylink.JD},
	{"JD, Android", "jdapp;android;10.0.2;10;network/wifi;Mozilla/5.0 (Linux; Android 10; GM1910 Build/QKQ1.190716.003; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/77.0.3865.120 MQQBrowser/6.2 TBS/045230 Mobile Safari/537.36", paylink.JD},
	{"JD, small", "jdltapp;iPad;3.1.0;14.4;network/wifi;Mozilla/5.0 (iPad; CPU OS 14_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148;supportJDSHWK/1", paylink.JD},
	{"JD Finance, which pays UnionPay codes", iphone[:len(iphone)-1] + "/application=JDJR-App&clientType=ios&iosType=iphone&clientVersion=6.5.90&HiClVersion=6.5.90&isUpdate=0&osVersion=15.6.1&osName=iOS&screen=896*414&src=App Store&netWork=1&netWorkType=1&CpayJS=UnionPay/1.0 JDJR&stockSDK=stocksdk-iphone_4.2.3", paylink.JD},

	{"Cloud QuickPass", iphone[:len(iphone)-1] + "/sa-sdk-ios (com.unionpay.chsp) (cordova 4.5.4) (updebug 0) (version 938) (UnionPay/1.0 CloudPay) (clientVersion 198) (language zh_CN) (upHtml) (walletMode 00)", paylink.UnionPay},
	{"Cloud QuickPass, old", "Mozilla/5.0 (iPhone; CPU iPhone OS 9_3 like Mac OS X) AppleWebKit/601.1.46 (KHTML, like Gecko) Mobile/13E230 (com.unionpay.chsp) (cordova 3.6.3) (updebug 0) (version 412)", paylink.UnionPay},
	{"Cloud QuickPass, Android", android + "Chrome/89.0 Mobile Safari/537.36 (com.unionpay.mobilepay) (cordova 7.0.0)", paylink.UnionPay},
	{"a bank", iphone[:len(iphone)-1] + "/CloudMercWebView/UnionPay/1.0 CCBLoongPay", paylink.UnionPay},
	{"another bank", iphone[:len(iphone)-1] + "com.bankcomm.maidanba.V2;mapp_saoma;isApplePayUsable;paypinflag;WKWebView;UnionPay/1.0 BoComMDB;buildVersion165;", paylink.UnionPay},

	{"Safari", iphone + "Safari/604.1", paylink.Other},
	{"curl", "curl/8.5.0", paylink.Other},
	{"a crawler", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", paylink.Other},
	{"nothing", "", paylink.Other},
	{"small letters", "micromessenger/8.0", paylink.WeChat},
	{"a mark inside of a word", "xjdapp; TencentQQ/9 NotUnionPay/1.0 WeMicroMessenger/1", paylink.Other},
	{"a mark inside of a word, then one", "xQQ/1 QQ/2", paylink.QQ},
	{"not ASCII", "\xff\xfe微信 QQ/8 支付", paylink.QQ},

	{"all", "UnionPay/1.0 JDJR-App QQ/1 AlipayClient/1 MicroMessenger/1", paylink.WeChat},
	{"all but WeChat", "UnionPay/1.0 JDJR-App QQ/1 AlipayClient/1", paylink.Alipay},
	{"QQ, JD and UnionPay", "UnionPay/1.0 JDJR-App QQ/1", paylink.QQ},
	{"JD and UnionPay", "UnionPay/1.0 jdapp;", paylink.JD},

	{"a mark at the end of what is read", strings.Repeat(" ", 1024-len("QQ/")) + "QQ/", paylink.QQ},
	{"a mark beyond what is read", strings.Repeat(" ", 1024-len("QQ/")+1) + "QQ/1", paylink.Other},
	{"very long", strings.Repeat("xQQ/", 1<<18), paylink.Other},
}

func TestWalletOf(t *testing.T) {
	for _, tt := range agents {
		if got := paylink.WalletOf(tt.agent); got != tt.want {
			t.Errorf("%s is %v, want %v", tt.what, got, tt.want)
		}
	}
}

// slowWalletOf tells wallets from the letters around their marks.
func slowWalletOf(agent string) paylink.Wallet {
	for _, m := range []struct {
		mark   string
		wallet paylink.Wallet
	}{
		{`micromessenger/`, paylink.WeChat}, {`alipayclient/`, paylink.Alipay}, {`(ipad)?qq/`, paylink.QQ},
		{`(jd(lt)?app;|jdjr-app)`, paylink.JD}, {`(unionpay/|com\.unionpay\.)`, paylink.UnionPay},
	} {
		if regexp.MustCompile(`(?s)(^|[^0-9a-z])` + m.mark).MatchString(strings.ToLower(agent[:min(len(agent), 1024)])) {
			return m.wallet
		}
	}
	return paylink.Other
}

func FuzzWalletOf(f *testing.F) {
	for _, tt := range agents {
		f.Add(tt.agent)
	}
	f.Fuzz(func(t *testing.T, agent string) {
		if got, want := paylink.WalletOf(agent), slowWalletOf(agent); got != want {
			t.Errorf("%q is %v, want %v", agent, got, want)
		}
	})
}

// Each wallet is read back from its text, also through JSON.
func TestWalletText(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range append(paylink.Wallets(), paylink.Other) {
		if got, err := paylink.ParseWallet(w.String()); err != nil || got != w {
			t.Errorf("%v is read back as %v, %v", w, got, err)
		}
		text, err := json.Marshal(w)
		var got paylink.Wallet
		if err == nil {
			err = json.Unmarshal(text, &got)
		}
		if err != nil || got != w || string(text) != fmt.Sprintf("%q", w.String()) {
			t.Errorf("%v is %s and read back as %v, %v", w, text, got, err)
		}
		if seen[w.Name()] || w.Name() == "" {
			t.Errorf("%v has the name %q", w, w.Name())
		}
		seen[w.Name()] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d wallets", len(seen))
	}
}

func TestWalletUnknown(t *testing.T) {
	for _, text := range []string{"", "WeChat", "wechat ", "paypal", "Wallet(9)", strings.Repeat("x", 1<<20)} {
		if w, err := paylink.ParseWallet(text); !errors.Is(err, paylink.ErrUnknownWallet) || w != paylink.Other || len(err.Error()) > 200 {
			t.Errorf("%.20q is %v, %v", text, w, err)
		}
		w := paylink.JD
		if err := w.UnmarshalText([]byte(text)); !errors.Is(err, paylink.ErrUnknownWallet) || w != paylink.JD {
			t.Errorf("%.20q is read into %v, %v", text, w, err)
		}
	}
	if _, err := paylink.Wallet(9).MarshalText(); !errors.Is(err, paylink.ErrUnknownWallet) {
		t.Errorf("wallet 9 is written: %v", err)
	}
	if got := paylink.Wallet(9).Name(); got != "Wallet(9)" {
		t.Errorf("wallet 9 is called %q", got)
	}
}

package gen_test

import (
	"fmt"
	"slices"
	"time"

	"codepool/gen"
)

func ExampleFormat() {
	f, err := gen.ParseFormat("digits:16:4:VIP")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", f.AppendPrinted(nil, []byte("VIP1234567812345678")))
	fmt.Printf("%v codes, %.1f bits\n", f.Space(), f.Bits())

	_, err = gen.ParseFormat("crockford:12:4:VIP")
	fmt.Println(err)
	// Output:
	// VIP-1234-5678-1234-5678
	// 10000000000000000 codes, 53.2 bits
	// gen: format is not valid: prefix "VIP" is read as "V1P": write it so
}

func ExampleAppendCanonical() {
	for _, typed := range []string{"7kqf 2m9x-t4wc\n", "7KQF-2M9X-T4WU"} {
		canon, err := gen.AppendCanonical(nil, typed, gen.Crockford)
		fmt.Printf("%q %v\n", canon, err)
	}
	// Output:
	// "7KQF2M9XT4WC" <nil>
	// "" gen: the code has a character that no such code has
}

func ExamplePack() {
	v, ok := gen.Pack([]byte("7KQF2M9XT4WC"))
	text, _ := gen.AppendUnpacked(nil, v)
	fmt.Printf("%#x %v %s\n", v, ok, text)

	_, ok = gen.Pack([]byte("7KQF2M9XT4WC7777")) // 80 bits
	fmt.Println(ok)
	// Output:
	// 0x3ceef1513dd138c true 7KQF2M9XT4WC
	// false
}

func ExampleGenerator() {
	g, err := gen.NewGenerator(gen.DefaultFormat())
	if err != nil {
		fmt.Println(err)
		return
	}
	codes := make([]uint64, 1000)
	if err := g.FillPacked(codes); err != nil {
		fmt.Println(err)
		return
	}
	text, ok := gen.AppendUnpacked(nil, codes[0])
	fmt.Println(len(text), ok)
	// Output: 12 true
}

func ExampleGuessRisk() {
	f := gen.DefaultFormat()
	r := gen.GuessRisk(1_000_000, f, gen.DefaultGuessesPerHour)
	fmt.Printf("%.4f %v\n", r.HitsPerYear, r.Acceptable(gen.DefaultHitsPerYear))

	f.Length = f.MinLength(1_000_000, gen.DefaultGuessesPerHour, gen.DefaultHitsPerYear)
	fmt.Println(f)
	fmt.Println(gen.GuessRisk(1_000_000, f, gen.DefaultGuessesPerHour))
	// Output:
	// 0.0304 false
	// crockford:13:4
	// 1,000,000 live codes of crockford:13:4 in a space of 3.69e+19, 4,000,000 guesses an hour: 0.00095 hits expected in a year (one in 1,052 years); the limit is 0.01
}

func ExampleMask() {
	fmt.Println(gen.Mask("7KQF2M9XT4WC"), gen.Mask("AB12CD34"))
	// Output: ****-****-T4WC ****-**34
}

func ExampleSplit() {
	parts, err := gen.Split{Policy: gen.Rest, Total: 100_00, Count: 3}.AppendParts(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	slices.Sort(parts) // they come in random order
	fmt.Println(parts)

	err = gen.Split{Total: 100_00, Count: 10, Most: 9_99}.Validate()
	fmt.Println(err)
	// Output:
	// [3333 3333 3334]
	// gen: split is not valid: no part above 999, but 10000 in 10 parts by policy double-mean: write 1000 or more, which holds that total, or 0 for no cap
}

func ExampleCommit() {
	parts, err := gen.Split{Total: 100_00, Count: 10}.AppendParts(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	salt := gen.NewSalt()
	commitment := gen.Commit(salt, parts) // published now, salt and parts at the end

	fmt.Println(gen.VerifyCommitment(commitment, salt, parts))
	parts[9]++
	fmt.Println(gen.VerifyCommitment(commitment, salt, parts))
	// Output:
	// true
	// false
}

func ExampleParseAmount() {
	cny, err := gen.CurrencyOf("CNY")
	if err != nil {
		fmt.Println(err)
		return
	}
	amount, err := gen.ParseAmount("12.3", cny)
	fmt.Println(amount, cny.Format(amount), err)

	_, err = gen.ParseAmount("12.345", cny)
	fmt.Println(err)
	// Output:
	// 1230 12.30 CNY <nil>
	// gen: amount is not valid: "12.345" has 3 decimals, CNY has 2: write it as 123.45
}

func ExampleSigner() {
	old := gen.SignKey{ID: 1, Secret: []byte("sixteen random bytes or more")}
	s, err := gen.NewSigner(gen.DefaultLayout(), old)
	if err != nil {
		fmt.Println(err)
		return
	}
	code, err := s.Append(nil, 7, 77)
	fmt.Printf("%s %v\n", s.Layout().Format().AppendPrinted(nil, code), err)

	// A new key signs from now on; what the old one signed still opens.
	s, err = gen.NewSigner(gen.DefaultLayout(), gen.SignKey{ID: 2, Secret: []byte("other random bytes, again many")}, old)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, serial, key, err := s.Open(string(code))
	fmt.Println(plan, serial, key, err)

	code[15] = '8' // and not 9
	_, _, _, err = s.Open(string(code))
	fmt.Println(err)
	// Output:
	// 9EJR-Q15G-MDKK-5M59 <nil>
	// 7 77 1 <nil>
	// gen: the code was not signed with any of the keys
}

func ExampleOrderCodec() {
	c, err := gen.NewOrderCodec(gen.OrderLayout{}, []byte("sixteen random bytes, or more"))
	if err != nil {
		fmt.Println(err)
		return
	}
	day := gen.DayOf(time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC))
	for seq := range uint64(3) {
		n, _ := c.Number(day, 42, seq)
		fmt.Println(c.Text(n))
	}
	o, err := c.Parse("261126 42 3120345942")
	fmt.Println(o.Day, o.Type, o.Sequence, err)
	_, err = c.Parse("261126 42 3120345492")
	fmt.Println(err)
	// Output:
	// 261126424472238661
	// 261126423120345942
	// 261126421949950234
	// 2026-11-26 42 1 <nil>
	// gen: the order number has a wrong digit, or two swapped
}

package badinput

import (
	"encoding/json"
	"strings"
)

// asked is a command about one code that is refused: redeem and check answer on standard
// output as well.
func asked(name, line, answer string, exit int, reason, says string) cliCase {
	return bad(name, line, exit, reason, says).printing(answer)
}

var ruleCases = []cliCase{
	asked("redeem an unknown code", "redeem 0000-0000-0000", `"refused":"unknown_code"`, unknown, "unknown_code", "redeem 0000-0000-0000: unknown code"),
	asked("redeem nothing", "redeem ''", `"refused":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("redeem a blank", "redeem ' '", `"refused":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("redeem 65 bytes", "redeem "+strings.Repeat("A", 65), `"refused":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("redeem what is not UTF-8", "redeem PAST1\xff", `"refused":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("redeem an escape sequence", "redeem '\x1b[2J'", `"refused":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("redeem with hyphens like a flag", "redeem -- --nope", `"refused":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("redeem in the wrong namespace", "redeem $ISSUED --namespace shop", `"refused":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("redeem in a namespace that is unknown", "redeem SHOP1 --namespace shops", `"refused":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("redeem in the wrong case", "redeem abcd1234", `"refused":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("redeem twice", "redeem $SPENT --user ann", `"refused":"already_redeemed"`, redeemed, "already_redeemed", "code is already redeemed"),
	asked("redeem from stock", "redeem GIVEN1", `"refused":"not_issued"`, refused, "not_issued", "code has not been issued"),
	asked("redeem what was released", "redeem $RELEASED", `"refused":"not_issued"`, refused, "not_issued", "not been issued"),
	asked("redeem too early", "redeem LATER1", `"refused":"not_yet_valid"`, refused, "not_yet_valid", "not yet valid"),
	asked("redeem too late", "redeem PAST1", `"refused":"expired"`, refused, "expired", "expired"),
	asked("redeem with another code's key", "redeem $OTHER --user ann --key req-1", `"refused":"key_conflict"`, refused, "key_conflict", `key "req-1"`),
	asked("redeem with another user's key", "redeem $SPENT --user ben --key req-1", `"refused":"key_conflict"`, refused, "key_conflict", "another code or for another user"),
	asked("redeem for 1025 bytes", "redeem $ISSUED --user $LONG", `"refused":"invalid"`, wrongUse, "invalid", "User has 1025 bytes"),
	asked("redeem for a text with a tab", "redeem $ISSUED --user 'a\tb'", `"refused":"invalid"`, wrongUse, "invalid", "User holds a control character"),
	asked("redeem for a text that is not UTF-8", "redeem $ISSUED --user \xff", `"refused":"invalid"`, wrongUse, "invalid", "User is not valid UTF-8"),
	asked("redeem with a key of 1025 bytes", "redeem $ISSUED --key $LONG", `"refused":"invalid"`, wrongUse, "invalid", "Key has 1025 bytes"),
	asked("check an unknown code", "check 0000-0000-0000", `"redeems":false,"reason":"unknown_code"`, unknown, "unknown_code", "check 0000-0000-0000: unknown code"),
	asked("check nothing", "check ''", `"redeems":false`, unknown, "unknown_code", "unknown code"),
	asked("check what is redeemed", "check $SPENT", `"reason":"already_redeemed"`, redeemed, "already_redeemed", "already redeemed"),
	asked("check what is in stock", "check GIVEN1", `"reason":"not_issued"`, refused, "not_issued", "not been issued"),
	asked("check too early", "check LATER1", `"reason":"not_yet_valid"`, refused, "not_yet_valid", "not yet valid"),
	asked("check too late", "check PAST1", `"reason":"expired"`, refused, "expired", "expired"),
	asked("check in the wrong namespace", "check SHOP1", `"reason":"unknown_code"`, unknown, "unknown_code", "unknown code"),
	asked("check for 1025 bytes", "check $ISSUED --user $LONG", `"reason":"invalid"`, wrongUse, "invalid", "User has 1025 bytes"),
	bad("show an unknown code", "show 0000-0000-0000", unknown, "unknown_code", "show 0000-0000-0000: unknown code"),
	bad("show nothing", "show ''", unknown, "unknown_code", "unknown code"),
	bad("show a name of a batch", "show launch", unknown, "unknown_code", "unknown code"),
	bad("show in the wrong namespace", "show SHOP1", unknown, "unknown_code", "unknown code"),
	bad("show what is not UTF-8", "show \xff", unknown, "unknown_code", "unknown code"),
	bad("a batch that is unknown", "batches nope", failure, "unknown_batch", `unknown batch: "nope"`),
	bad("a batch without a name", "batches ''", failure, "unknown_batch", `unknown batch: ""`),
	bad("batch 0", "batches 0", failure, "unknown_batch", "unknown batch: number 0"),
	bad("the batch behind the last", "batches 10", failure, "unknown_batch", "number 10"),
	bad("a batch below zero", "batches -- -1", failure, "unknown_batch", `unknown batch: "-1"`),
	bad("a batch beyond every number", "batches 4294967296", failure, "unknown_batch", `"4294967296"`),
	bad("a batch in capitals", "batches LAUNCH", failure, "unknown_batch", `"LAUNCH"`),
	bad("issue from a batch that is unknown", "issue nope 1", failure, "unknown_batch", `issue: unknown batch: "nope"`),
	bad("issue from a batch behind the last", "issue 10 1", failure, "unknown_batch", "number 10"),
	bad("issue more than there are", "issue launch 8", empty, "empty", `issue 8 codes of launch: not enough codes in stock: batch "launch" has 7, asked for 8`),
	bad("issue from a batch that is handed out", "issue exact 1", empty, "empty", "has 0, asked for 1"),
	bad("issue from a batch that is over", "issue over 1", refused, "expired", `batch "over" ended at 2020-01-01T00:00:00Z`).advising("codepool batches over"),
	bad("issue with a used key, to another", "issue launch 2 --ref order-9 --key draw-1", refused, "key_conflict", `drew for "order-1"`),
	bad("issue with a used key, one less", "issue launch 1 --ref order-1 --key draw-1", refused, "key_conflict", "drew 2 codes, not 1"),
	bad("issue with a used key, from another batch", "issue given 2 --ref order-1 --key draw-1", refused, "key_conflict", "from batch 1"),
	bad("issue to 1025 bytes", "issue launch 1 --ref $LONG", wrongUse, "invalid", "Ref has 1025 bytes"),
	bad("issue to a text with a line end", "issue launch 1 --ref 'a\nb'", wrongUse, "invalid", "Ref holds a control character"),
	bad("issue with a key that is not UTF-8", "issue launch 1 --key \xff", wrongUse, "invalid", "Key is not valid UTF-8"),
	bad("export from a batch that is unknown", "export nope 1 --account r", failure, "unknown_batch", `export: unknown batch: "nope"`),
	bad("export from a batch that is over", "export over 1 --account ann --id e", refused, "expired", "ended at 2020").advising("codepool batches over"),
	bad("export with an id with a tab", "export launch 1 --account r --id 'a\tb'", wrongUse, "invalid", "id holds a control character"),
	bad("export with an id of 1025 bytes", "export launch 1 --account r --id $LONG", wrongUse, "invalid", "id has 1025 bytes"),
	bad("export with an id that is not UTF-8", "export launch 1 --account r --id \xff", wrongUse, "invalid", "id is not valid UTF-8"),
}

// answered is a stream of redemptions that each get an answer; nothing is redeemed.
func answered(name, in, answer string, exit int, reason, says string) cliCase {
	return bad(name, "redeem --file -", exit, reason, says).reading(in).printing(answer)
}

// badLine is a stream of one line that cannot be read.
func badLine(name, in, detail string) cliCase {
	quoted, _ := json.Marshal(detail)
	return answered(name, in, `"refused":"bad_line","detail":`+string(quoted), failure, "bad_line", "0 of 1 line redeemed, 1 bad_line").advising("those lines, when they are corrected")
}

// badStream is a stream that is refused as a whole.
func badStream(name, line, in, says string) cliCase {
	return bad(name, line, failure, "bad_line", says).reading(in).advising("the same")
}

var redeemStreamCases = []cliCase{
	badLine("an empty line", "\n", "no code"),
	badLine("a line of blanks", "   \n", "cell 1: white space at its end: quote the cell if it is meant"),
	badLine("blanks in quotes", "\"   \"\n", "no code"),
	badLine("an empty code in quotes", "\"\",ann\n", "no code"),
	badLine("commas only", ",,\n", "no code"),
	badLine("a user without a code", ",ann\n", "no code"),
	badLine("four cells", "PAST1,ann,k,x\n", "4 cells, at most 3 can be: code,user,key"),
	badLine("a comma too many", "PAST1,ann,k,\n", "4 cells, at most 3 can be: code,user,key"),
	badLine("a blank behind the code", "PAST1 ,ann\n", "cell 1: white space at its end: quote the cell if it is meant"),
	badLine("a blank before the user", "PAST1, ann\n", "cell 2: white space at its end: quote the cell if it is meant"),
	badLine("a no-break space before the user", "PAST1,\u00a0ann\n", "cell 2: white space at its end: quote the cell if it is meant"),
	badLine("a quote inside a cell", "PA\"ST1\n", "cell 1: a quote inside of a cell that does not begin with one"),
	badLine("a quote inside the third cell", "PAST1,ann,k\"1\"\n", "cell 3: a quote inside of a cell that does not begin with one"),
	badLine("a quote that is not closed", "\"PAST1\n", "cell 1: its quote is not closed"),
	badLine("a quote that is doubled and not closed", "PAST1,\"ann\"\"\n", "cell 2: its quote is not closed"),
	badLine("text behind a quote", "\"PAST1\"x,ann\n", "cell 1: text after its closing quote"),
	badLine("a blank behind a quote", "\"PAST1\" ,ann\n", "cell 1: text after its closing quote"),
	badLine("a lone quote", "\"\n", "cell 1: its quote is not closed"),
	badLine("Latin-1", "PAST1,Ren\xe9\n", "not UTF-8"),
	badLine("half a character at the end", "PAST1,\xe7\xba", "not UTF-8"),
	badLine("UTF-16 of one letter", "\xff\xfeP\n", "not UTF-8"),
	badLine("a NUL", "PAST1\x00\n", "a control character"),
	badLine("a tab for a comma", "PAST1\tann\n", "a control character"),
	badLine("an escape", "PAST1,\x1b[2J\n", "a control character"),
	badLine("a delete", "PAST1,ann\x7f\n", "a control character"),
	badLine("a next line", "PAST1,a\u0085b\n", "a control character"),
	badLine("line ends of CR only", "PAST1\rPAST1\r", "a control character"),
	badLine("two carriage returns", "PAST1\r\r\n", "a control character"),
	badLine("a byte-order mark in a user", "PAST1,\ufeffann\n", "a byte-order mark"),
	badLine("a line of 16 KiB and one", strings.Repeat("A", 16<<10)+"\n", "longer than 16384 bytes"),
	badLine("a megabyte without a line end", strings.Repeat("A", 1<<20), "longer than 16384 bytes"),
	badLine("a cell too few under a header", "code,user\nPAST1\n", "1 cell where the header has 2"),
	badLine("a cell too many under a header", "code,user\nPAST1,ann,k\n", "3 cells where the header has 2"),
	badLine("an empty line under a header", "code,user\n\n", "1 cell where the header has 2"),
	badLine("no code under a header", "user,code\nann,\n", "no code"),
	badLine("a header of one column and two cells", "code\nPAST1,ann\n", "2 cells where the header has 1"),

	badStream("a header with an unknown column", "redeem --file -", "code,colour\nPAST1,red\n", `line 1: the header has a column "colour": want code, user, key, namespace`),
	badStream("a header with a column twice", "redeem --file -", "code,user,user\nPAST1,a,b\n", `line 1: the header has two columns "user"`),
	badStream("a header with two codes", "redeem --file -", "code,Code\nPAST1,PAST1\n", `two columns "code"`),
	badStream("a header with an empty column", "redeem --file -", "code,\nPAST1,\n", `the header has a column ""`),
	badStream("a header with columns in the plural", "redeem --file -", "code,users\nPAST1,a\n", `"users"`),
	badStream("a byte-order mark", "redeem --file -", "\ufeffPAST1\n", "line 1 begins with a byte-order mark"),
	badStream("a byte-order mark before a header", "redeem --file -", "\ufeffcode,user\nPAST1,ann\n", "byte-order mark"),
	badStream("a byte-order mark by a hyphen", "redeem -", "\ufeffPAST1\n", "byte-order mark"),
	badStream("a marked header with an unknown column", "redeem --file - --allow-bom", "\ufeffcode,colour\nPAST1,red\n", `"colour"`),
	bad("two byte-order marks", "redeem --file - --allow-bom", failure, "bad_line", "1 bad_line").reading("\ufeff\ufeffPAST1\n").printing("a byte-order mark"),
	bad("a mark behind the first line", "redeem --file - --allow-bom", failure, "refused", "1 bad_line, 1 expired").reading("PAST1\n\ufeffPAST1\n").printing("a byte-order mark"),

	answered("an unknown code", "0000-0000-0000\n", `{"line":1,"code":"0000-0000-0000","refused":"unknown_code"}`, unknown, "unknown_code", "0 of 1 line redeemed, 1 unknown_code"),
	answered("a file name for a code", "codes.txt\n", `"refused":"unknown_code"`, unknown, "unknown_code", "1 unknown_code"),
	answered("codes with semicolons", "PAST1;ann\nPAST1;ben\n", `"refused":"unknown_code"`, unknown, "unknown_code", "0 of 2 lines redeemed, 2 unknown_code"),
	answered("a header in the second line", "PAST1\ncode\n", `"refused":"unknown_code"`, failure, "refused", "1 expired, 1 unknown_code"),
	answered("codes that are spent", "$SPENT\n$SPENT,ann\n", `"refused":"already_redeemed"`, redeemed, "already_redeemed", "2 already_redeemed"),
	answered("codes in stock", "GIVEN1\n$RELEASED\n", `{"line":2,"code":`, refused, "not_issued", "2 not_issued"),
	answered("codes out of their windows", "PAST1\nLATER1\n", `"refused":"not_yet_valid"`, refused, "refused", "1 expired, 1 not_yet_valid"),
	answered("another's key", "$SPENT,ben,req-1\n", `"refused":"key_conflict"`, refused, "key_conflict", "1 key_conflict"),
	answered("a user of 1025 bytes", "$ISSUED,$LONG\n", `"refused":"invalid","detail":"invalid argument: User has 1025 bytes`, failure, "invalid", "1 invalid"),
	answered("a key of 1025 bytes", "$ISSUED,ann,$LONG\n", `Key has 1025 bytes`, failure, "invalid", "1 invalid"),
	answered("a namespace that is unknown", "code,namespace\n$ISSUED,shops\n", `"refused":"unknown_code"`, unknown, "unknown_code", "1 unknown_code"),
	answered("something of everything", "$SPENT\nnope\nGIVEN1\n\n", `{"line":4,"refused":"bad_line","detail":"no code"}`, failure, "refused", "0 of 4 lines redeemed, 1 already_redeemed, 1 bad_line, 1 not_issued, 1 unknown_code"),
	bad("a user for all that is too long", "redeem --file - --user $LONG", failure, "invalid", "1 invalid").reading("$ISSUED\n").printing("User has 1025 bytes"),
	bad("a namespace for all that is unknown", "redeem --file - --namespace shops", unknown, "unknown_code", "1 unknown_code").reading("$ISSUED\n").printing("unknown_code"),
	bad("a file that is not there", "redeem --file nofile", failure, "no_file", "redeem: open nofile: no such file").advising("the same with a file"),
	bad("a folder", "redeem --file folder", failure, "failure", "folder: is a directory"),
}

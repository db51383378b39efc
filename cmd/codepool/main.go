// Command codepool mints one-shot codes into an embedded store, hands them out and
// burns each exactly once, from the shell. It is also the shortest tour of package
// codepool/store: every command is one call of it.
//
//	codepool demo                                       the whole life of a million codes, in a minute
//	codepool mint --name launch --count 1M              make a batch
//	codepool issue launch 10 --ref order-7              draw codes at random, for good
//	codepool issue launch 10 --lease 10m                or for a time, until codepool ack
//	codepool redeem 7KQF-2M9X-T4WC --user player-42     burn one
//	codepool reserve 7KQF-2M9X-T4WC --for 10m           or hold it, until codepool confirm
//	codepool redeem --file codes.csv                    or a stream of them
//	codepool release --ref order-7                      an order was cancelled: back to stock
//	codepool undo 7KQF-2M9X-T4WC                        a refund
//	codepool revoke --file leaked.csv                   withdraw codes for ever
//	codepool pause launch                               stop a batch for a while
//	codepool retire spring                              take a finished one out of memory
//	codepool export launch 500 --account ann            out of stock, into CSV or XLSX
//	codepool receipts --cursor mailer                   what was redeemed since the last time
//	codepool ledger                                     who did what, when, from which process
//	codepool feed --nats nats://127.0.0.1:4222          or into a stream of NATS JetStream
//	codepool order new --type 42                        an order number, given out once
//	codepool pay serve hG7mB2xTq9 --demo                one QR code that every wallet can pay
//
// Results go to standard output, everything else to standard error, so pipes and
// --json see data only. The exit code tells a script what happened; exit.go has the table.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// Package workload is the benchmark as a library: every job is a plain struct whose
// fields are its configuration and whose Run measures it. There are no globals; an Env
// says where, how long and on which systems.
//
// # How a figure is made
//
//		job ──► configurations ──► rounds ──► one trial of each system and reference, in turn
//		                                        └► Sample: calls, seconds, percentiles
//		samples of all rounds ──► median, least and most ──► Line
//
//	  - Rounds are interleaved, and each round begins with another system, so that noise
//	    of the machine falls on all of them. Ratios are formed within a round, then their
//	    median is taken.
//	  - A trial ends when its codes are used up or its time budget is over, whichever is
//	    first. Setting up is not measured. The collector runs before each trial.
//	  - The load is closed: every caller sends its next call when it has the answer to the
//	    last one. A latency is that of a call, whatever number of codes it carries.
//	  - Latencies are kept in an array during the trial (one clock reading and one store a
//	    call) and go through an HDR histogram afterwards.
//	  - After its trials a durable system is closed, opened again and audited: what it was
//	    seen to acknowledge must be what it has. A line that fails carries an error.
package workload

// Package report turns the lines of a run into something to look at: a page of HTML that
// needs nothing else, and tables of Markdown for a README. It measures nothing and decides
// nothing; what a line carries is shown, errors and gaps too.
//
//		Run ──► sections, one a job ──► groups, one a load ──► charts (HTML) and tables (both)
//		    └─► Targets ──► Check: reached, missed or not measured
//
//	  - Everything is a function of its Run. No clock, no files but those that Replace and
//	    WriteFile are told to write.
//	  - A group holds the lines that can be compared: same callers, batch and note, unless the
//	    job says that these are the form of an answer and not the load (see describeJob).
//	  - Names, notes and errors come from outside and are escaped; a figure that is not a finite
//	    number is one that was not measured.
//	  - A system that is not synced before it answers is hatched in charts, marked in tables, and
//	    never the best of a table or a target.
package report

// Firing times of the cron library that Argo's controller uses.
//
// Reads a question a line from standard input: expression, time zone, Unix seconds and count, separated by tabs.
// Answers each with a line of Unix seconds, separated by spaces, or with "error" and the library's message.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		fmt.Fprintln(out, answer(strings.Split(lines.Text(), "\t")))
	}
}

func answer(question []string) string {
	var after int64
	var count int
	if _, err := fmt.Sscan(question[2]+" "+question[3], &after, &count); err != nil {
		return "error " + err.Error()
	}
	schedule, err := cron.ParseStandard("CRON_TZ=" + question[1] + " " + question[0])
	if err != nil {
		return "error " + err.Error()
	}
	var times []string
	for moment := time.Unix(after, 0).UTC(); len(times) < count; {
		moment = schedule.Next(moment)
		if moment.IsZero() {
			break
		}
		times = append(times, fmt.Sprint(moment.Unix()))
	}
	return strings.Join(times, " ")
}

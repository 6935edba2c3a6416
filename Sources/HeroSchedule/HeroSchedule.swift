// Rule: times in, times out; a schedule is computed and nothing waits for it.
//
// HeroSchedule holds cron expressions, calendar dates and time zones. It imports nothing, reads no clock and opens no
// file.

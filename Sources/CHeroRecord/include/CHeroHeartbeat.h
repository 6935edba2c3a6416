/// The heartbeats of a reconciler that is monitored by `hpshim keep`.
#ifndef CHEROHEARTBEAT_H
#define CHEROHEARTBEAT_H

// In a monitored reconciler: the write end of the heartbeat pipe. Each byte reports that the event loop is running,
// except HERO_HEARTBEAT_EXIT: the exit code that follows is that of the monitor too, and no crash.
#define HERO_HEARTBEAT_EXIT 69
#define HERO_FD_HEARTBEAT 5
// The watchdog timeout in seconds, which starts with the first heartbeat, unless HEROPROC_WATCHDOG sets another one (0:
// no limit), and the number of heartbeats in that time.
#define HERO_WATCHDOG_SECONDS 60
#define HERO_WATCHDOG_HEARTBEATS 6

#endif

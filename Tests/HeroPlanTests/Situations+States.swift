import HeroPlan

extension Situation {
    static let blocking: [Situation] = [
        .init("a requirement that is wanted down", "db status stop\nweb requires db", "! web requirement_down(db)"),
        .init(
            "blocked through another",
            "db status stop\napi requires db\nweb requires api",
            """
            ! api requirement_down(db)
            ! web requirement_down(api)
            """
        ),
        .init(
            "stopped by cascade yesterday is blocked today",
            "db status stop: stopped status start\nweb requires db: stopped",
            "! web requirement_down(db)"
        ),
        .init(
            "what waits for several names them all",
            "a status stop\nb status spec\nc: running\nweb requires a,c,b",
            "! web requirement_down(a,b)"
        ),
        .init(
            "a requirement that gave up blocks in healing",
            healingOnly,
            "db: failed\nweb requires db: stopped",
            "! web requirement_down(db)"
        ),
        .init(
            "a requirement that gave up is tried by an apply",
            "db: failed\nweb requires db: stopped",
            """
            + db not_running +0
            + web not_running +1
            """
        ),
        .init("what runs outlives a requirement that gave up", healingOnly, "db: failed\nweb requires db: running", ""),
        .init(
            "a degraded requirement blocks in healing",
            healingOnly,
            "db: degraded\nweb requires db: stopped",
            "! web requirement_down(db)"
        ),
        .init(
            "a requirement on ignore that runs satisfies",
            "db status ignore: running\nweb requires db",
            "+ web declared +0"
        ),
        .init(
            "a requirement on ignore that is down blocks",
            "db status ignore: stopped\nweb requires db",
            "! web requirement_down(db)"
        ),
        .init(
            "a requirement on ignore that was never up blocks",
            "db status ignore\nweb requires db",
            "! web requirement_down(db)"
        ),
        .init(
            "an unknown requirement blocks and does not crash",
            "web requires ghost",
            "! web requirement_down(ghost)"
        ),
        .init(
            "a running service is not taken down for a change it cannot come back from",
            "db status ignore: stopped\nweb requires db argv 2: running argv 1",
            "! web requirement_down(db)"
        ),
        .init(
            "half of what it requires comes back",
            """
            a argv 2: running argv 1
            b status stop: running status start
            web requires a,b: running
            """,
            """
            ± a spec_changed -1 +0
            - b wanted_stop -1
            - web cascade<a(b) -0
            """
        ),
        .init(
            "a declared circle is blocked, not endless",
            "a requires b\nb requires a",
            """
            ! a requirement_down(b)
            ! b requirement_down(a)
            """
        ),
    ]

    static let undeclared: [Situation] = [
        .init("what left the files stops", "~old: running", "- old undeclared -0"),
        .init(
            "what left the files stops in recorded order",
            "~a: running\n~b requires a: running\n~c after b: running",
            """
            - a undeclared -2
            - b undeclared -1
            - c undeclared -0
            """
        ),
        .init("what left the files and is down is not shown", "~old: stopped\n~bad: failed", ""),
        .init("what left the files is kept without pruning", unpruned, "~old: running", ""),
        .init(
            "a wanted dependent of what left the files",
            "~db: running\nweb: running requires db",
            "- db undeclared -1\n± web cascade<db -0 +0"
        ),
        .init(
            "an unpruned dependent stays down after a cascade",
            unpruned,
            "db argv 2: running argv 1\n~old requires db: running",
            """
            ± db spec_changed -1 +0
            - old cascade<db -0
            """
        ),
        .init(
            "an unpruned requirement still satisfies",
            unpruned,
            "~db: running\nweb requires db",
            "+ web declared +0"
        ),
        .init("moved to another context", "~web: running\nb/web", "+ b/web declared +0\n- web undeclared -0"),
    ]

    static let takingDown: [Situation] = [
        .init(
            "down stops user services in stop waves",
            PlanOptions(down: .userServices),
            "db: running\nweb requires db: running",
            "- db wanted_stop -1\n- web wanted_stop -0"
        ),
        .init(
            "down leaves system services",
            PlanOptions(down: .userServices),
            "db class system: running\nweb requires db: running",
            "- web wanted_stop -0"
        ),
        .init(
            "down of all takes system services",
            PlanOptions(down: .allServices),
            "db class system: running\nweb requires db: running",
            "- db wanted_stop -1\n- web wanted_stop -0"
        ),
        .init("down leaves what is on ignore", PlanOptions(down: .allServices), "web status ignore: running", ""),
        .init("down starts nothing", PlanOptions(down: .userServices), "web\ndb: stopped\nbad: failed", ""),
        .init(
            "down takes a system service along that requires a user one",
            PlanOptions(down: .userServices),
            "db: running\nsys class system requires db: running",
            "- db wanted_stop -1\n- sys cascade<db(db) -0"
        ),
        .init(
            "down without pruning goes by the recorded class",
            PlanOptions(prunes: false, down: .userServices),
            "~old: running\n~sys class system: running",
            "- old wanted_stop -0"
        ),
        .init(
            "down does not look at changed specs",
            PlanOptions(down: .userServices),
            "web argv 2: stopped argv 1",
            ""
        ),
    ]

    static let healing: [Situation] = [
        .init("what heals is no matter of a plan", "web: backing_off", ""),
        .init("what starts is no matter of a plan", "web: starting", ""),
        .init("a process that is gone, with nothing left", "web: running idle drift", "+ web not_running +0"),
        .init("a process that is gone, and others run on", "web: running drift", ""),
        .init("a crash does not cascade", "db: running idle drift\nweb requires db: running", "+ db not_running +0"),
        .init(
            "a crash before its dependent",
            "db: running idle drift\nweb requires db: stopped",
            """
            + db not_running +0
            + web not_running +1
            """
        ),
        .init("degraded is brought back by an apply", "web: degraded", "± web not_running -0 +0"),
        .init(
            "degraded is brought back with its dependents",
            "db: degraded\nweb requires db: running",
            """
            ± db not_running -1 +0
            ± web cascade<db -0 +1
            """
        ),
        .init("degraded is left to itself by healing", healingOnly, "web: degraded", ""),
        .init(
            "degraded takes an update in healing",
            healingOnly,
            "web limit 5: degraded limit 9",
            "~ web spec_changed"
        ),
        .init("left over processes of what is recorded as stopped", "web: stopped active", "± web not_running -0 +0"),
    ]
}

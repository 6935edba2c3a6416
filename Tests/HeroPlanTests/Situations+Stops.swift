import HeroPlan

extension Situation {
    static let stopping: [Situation] = [
        .init("status stop", "web status stop: running status start", "- web wanted_stop -0"),
        .init("status spec", "web status spec: running status start", "- web wanted_stop -0"),
        .init("status stop of a one-shot that ended", "seed status stop: exited status start", "- seed wanted_stop -0"),
        .init("status stop of what heals", "web status stop: backing_off status start", "- web wanted_stop -0"),
        .init("status stop, stopped already", "web status stop: stopped status start", ""),
        .init("status stop of what gave up", "web status stop: failed status start", ""),
        .init("status stop recorded, and yet it runs", "web status stop: running", "- web wanted_stop -0"),
        .init("status ignore is hands off", "web status ignore argv 2: running argv 1 status start", ""),
        .init("status ignore, never up", "web status ignore", ""),
        .init("status ignore, failed, with drift", "web status ignore: failed drift", ""),
        .init("from ignore back to start, still as recorded", "web: running", ""),
        .init("from ignore back to start, changed meanwhile", "web argv 2: running argv 1", "± web spec_changed -0 +0"),
        .init("a stop that is under way goes on", "web status stop: stopping status start", "- web wanted_stop -0"),
        .init("on its way down and wanted again", "web: stopping", "± web not_running -0 +0"),
    ]

    static let cascading: [Situation] = [
        .init(
            "a chain goes down most dependent first",
            "db status stop: running status start\nweb requires api: running\napi requires db: running",
            """
            - api cascade<db(db) -1
            - db wanted_stop -2
            - web cascade<api(api) -0
            """
        ),
        .init(
            "a restart takes its dependents along",
            "db argv 2: running argv 1\nweb requires db: running\nlone: running",
            """
            ± db spec_changed -1 +0
            ± web cascade<db -0 +1
            """
        ),
        .init(
            "a diamond restarts once",
            """
            base argv 2: running argv 1
            l requires base: running
            r requires base: running
            top requires l,r: running
            """,
            """
            ± base spec_changed -2 +0
            ± l cascade<base -1 +1
            ± r cascade<base -1 +1
            ± top cascade<l -0 +2
            """
        ),
        .init(
            "the nearest cause is named",
            """
            a argv 2: running argv 1
            b requires a: running
            c requires b,a: running
            """,
            """
            ± a spec_changed -2 +0
            ± b cascade<a -1 +1
            ± c cascade<a -0 +2
            """
        ),
        .init(
            "a reason of its own comes before a cascade",
            "db argv 2: running argv 1\nweb requires db gen 1: running gen 0",
            """
            ± db spec_changed -1 +0
            ± web generation_raised -0 +1
            """
        ),
        .init(
            "after and wants never cascade",
            "db argv 2: running argv 1\nweb after db: running\nworker wants db: running",
            "± db spec_changed -0 +0"
        ),
        .init(
            "after orders what stops anyway",
            """
            a status stop: running status start
            b after a status stop: running status start
            """,
            "- a wanted_stop -1\n- b wanted_stop -0"
        ),
        .init(
            "an ended one-shot goes down and runs again with what it requires",
            "db argv 2: running argv 1\nseed requires db: exited",
            """
            ± db spec_changed -1 +0
            ± seed cascade<db -0 +1
            """
        ),
        .init(
            "what does not run is not dragged",
            "db argv 2: running argv 1\nweb requires db status stop: stopped",
            "± db spec_changed -0 +0"
        ),
        .init(
            "a stopped dependent starts after the restart",
            "db argv 2: running argv 1\nweb requires db: stopped",
            """
            ± db spec_changed -0 +0
            + web not_running +1
            """
        ),
        .init(
            "an update in place drags nobody",
            "db limit 2: running limit 1\nweb requires db: running",
            "~ db spec_changed"
        ),
        .init(
            "a requirement dropped in the files was still started with it",
            "db argv 2: running argv 1\nweb: running requires db",
            """
            ± db spec_changed -1 +0
            ± web cascade<db -0 +0
            """
        ),
        .init(
            "a requirement new in the files counts already",
            "db argv 2: running argv 1\nweb requires db: running requires -",
            """
            ± db spec_changed -0 +0
            ± web cascade<db -0 +1
            """
        ),
        .init(
            "a requirement turned round stops as recorded and starts as declared",
            """
            a requires b argv 2: running requires - argv 1
            b: running requires a
            """,
            """
            ± a spec_changed -1 +1
            ± b cascade<a -0 +0
            """
        ),
        .init(
            "ignore is not dragged and drags nobody",
            """
            a argv 2: running argv 1
            b requires a status ignore: running status start
            c requires b: running
            """,
            "± a spec_changed -0 +0"
        ),
        .init(
            "across contexts",
            "x/db argv 2: running argv 1\ny/web requires x/db: running",
            """
            ± x/db spec_changed -1 +0
            ± y/web cascade<x/db -0 +1
            """
        ),
        .init(
            "recorded circle by order alone: requirements win",
            """
            a status stop: running status start after b requires -
            b status stop: running status start requires a
            """,
            "- a wanted_stop -1\n- b wanted_stop -0"
        ),
        .init(
            "recorded circle by requirements: still finite",
            """
            a status stop: running status start requires b
            b status stop: running status start requires a
            """,
            "- a wanted_stop -0\n- b wanted_stop -1"
        ),
    ]
}

import HeroPlan

extension Situation {
    static let starting: [Situation] = [
        .init("nothing declared, nothing there", "", ""),
        .init("a first start", "web", "+ web declared +0"),
        .init(
            "a chain starts one after another",
            "web requires api\napi requires db\ndb",
            """
            + api declared +1
            + db declared +0
            + web declared +2
            """
        ),
        .init(
            "a diamond starts in three waves",
            "top requires l,r\nl requires base\nr requires base\nbase",
            """
            + base declared +0
            + l declared +1
            + r declared +1
            + top declared +2
            """
        ),
        .init(
            "several roots start side by side",
            "a\nb\nc requires a",
            """
            + a declared +0
            + b declared +0
            + c declared +1
            """
        ),
        .init(
            "the longest way decides the wave",
            "a\nb requires a\nc requires b,a\nd requires a,c",
            """
            + a declared +0
            + b declared +1
            + c declared +2
            + d declared +3
            """
        ),
        .init("after orders a start", "web after db\ndb", "+ db declared +0\n+ web declared +1"),
        .init("wants orders a start", "web wants db\ndb", "+ db declared +0\n+ web declared +1"),
        .init("wanting what is not declared orders nothing", "web wants gone after lost", "+ web declared +0"),
        .init("after what runs needs no wave", "web after db\ndb: running", "+ web declared +0"),
        .init("requiring what runs needs no wave", "web requires db\ndb: running", "+ web declared +0"),
        .init("requiring what is starting", "web requires db\ndb: starting", "+ web declared +0"),
        .init("requiring what heals", "web requires db\ndb: backing_off", "+ web declared +0"),
        .init("requiring a one-shot that ended well", "web requires seed\nseed: exited", "+ web declared +0"),
        .init(
            "contexts are worlds of their own",
            "a/web requires b/db\nb/db\nweb",
            """
            + a/web declared +1
            + b/db declared +0
            + web declared +0
            """
        ),
        .init("what was stopped starts again", "web: stopped", "+ web not_running +0"),
        .init(
            "what was blocked starts when its requirement runs",
            "web requires db: blocked\ndb: running",
            "+ web not_running +0"
        ),
        .init("status back to start", "web: stopped status stop", "+ web wanted_start +0"),
        .init("status from spec to start", "web: stopped status spec", "+ web wanted_start +0"),
        .init("what gave up is tried again by an apply", "web: failed", "+ web not_running +0"),
        .init("what gave up is left to itself by healing", healingOnly, "web: failed", ""),
        .init(
            "what gave up is tried when its spec changed",
            healingOnly,
            "web argv 2: failed argv 1",
            "+ web spec_changed +0"
        ),
        .init("what gave up with something left is restarted", "web: failed active", "± web not_running -0 +0"),
    ]

    static let changing: [Situation] = [
        .init("adoption: everything is as declared", "web requires db: running\ndb: running", ""),
        .init("a one-shot that ended well stays satisfied", "seed: exited", ""),
        .init("a one-shot runs again when its spec changes", "seed argv 2: exited argv 1", "± seed spec_changed -0 +0"),
        .init("an argument changed", "web argv 2: running argv 1", "± web spec_changed -0 +0"),
        .init("an environment variable is new", "web env x: running env y", "± web spec_changed -0 +0"),
        .init("a limit takes effect in place", "web limit 5: running limit 9", "~ web spec_changed"),
        .init("words cost nothing and are recorded", "web text new: running text old", "~ web spec_changed"),
        .init("dearest cost decides", "web limit 5 argv 2: running argv 1", "± web spec_changed -0 +0"),
        .init("a raised generation restarts", "web gen 1: running gen 0", "± web generation_raised -0 +0"),
        .init("an action's raised generation restarts", "web agen 3: running agen 2", "± web generation_raised -0 +0"),
        .init(
            "a raised generation beside a change is the change",
            "web gen 1 argv 2: running gen 0 argv 1",
            "± web spec_changed -0 +0"
        ),
        .init(
            "a raised generation beside a limit",
            "web gen 1 limit 9: running gen 0",
            "± web generation_raised -0 +0"
        ),
        .init("a lowered generation asks for nothing", "web gen 1: running gen 2", "~ web spec_changed"),
        .init("a changed class is an update", "web class system: running class user", "~ web spec_changed"),
        .init(
            "a new requirement that runs is an update",
            "web requires db: running requires -\ndb: running",
            "~ web spec_changed"
        ),
        .init("a dropped requirement is an update", "web: running requires db\ndb: running", "~ web spec_changed"),
        .init("editing what is stopped restarts nobody", "web status stop argv 2: stopped argv 1", ""),
        .init("editing what was never up restarts nobody", "web status spec argv 2", ""),
        .init("a changed spec while it starts", "web argv 2: starting argv 1", "± web spec_changed -0 +0"),
        .init("a changed spec while it heals", "web argv 2: backing_off argv 1", "± web spec_changed -0 +0"),
        .init("a changed spec of what is stopped and wanted", "web argv 2: stopped argv 1", "+ web not_running +0"),
    ]
}

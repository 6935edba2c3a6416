import HeroModel

/// The page about manifests, from the fields.
struct ManifestPage {
    let version: String

    var page: HeroManual.Page {
        var roff = Roff(title: "heroproc-manifest", section: 5, version: version)
        roff.addSection("Name")
        roff.addParagraph("heroproc-manifest - the services, actions and settings of heroproc")
        roff.addSection("Description")
        roff.addParagraph(
            "A services directory contains YAML files. Each YAML document is one manifest: `kind: Service`, "
                + "`kind: Action` or `kind: Settings`. `heroproc validate` reports all errors of all files, and "
                + "`heroproc schema manifest` prints a JSON Schema for editors."
        )
        roff.addLines([
            "kind: Service", "name: web", "requires: [db]", "exec: [web-server, --port, \"8080\"]", "tcp_ports: [8080]",
        ])
        roff.addParagraph(
            "The cost of a key is the effect of its change on a running service: none, in place (without a restart), "
                + "next start (when the program starts the next time), or restart."
        )
        add("kind: Service", ServiceSpec.fields, to: &roff)
        add("kind: Action, also inline in actions", ActionSpec.fields, to: &roff)
        add("kind: Settings, at most one", Settings.fields, to: &roff)
        roff.addSection("Files")
        roff.addEntry("/etc/heroproc/services.d", ["The services directory of the system."])
        roff.addEntry("/var/lib/heroproc", ["The state directory of the system: jobs, revisions and logs."])
        roff.addSection("See also")
        roff.addParagraph("`heroproc`(1), `heroproc-validate`(1), `heroproc-schema`(1), `heroproc-explain`(1)")
        return HeroManual.Page(file: "heroproc-manifest.5", text: roff.text)
    }

    private func add<Spec>(_ title: String, _ fields: [Field<Spec>], to roff: inout Roff) {
        roff.addSection(title)
        for path in fields.flatMap(\.paths) {
            let value = FieldText.defaultText(path.property.defaultValue).replacing("`", with: "")
            let facts = [FieldText.type(path.property), value.isEmpty ? "" : "default \(value)", "cost: \(path.cost)"]
            roff.addEntry(path.path, [path.property.summary, facts.filter { !$0.isEmpty }.joined(separator: "; ")])
        }
    }
}

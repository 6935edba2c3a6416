internal import HeroModel

extension ManifestSet {
    /// At most one settings document.
    mutating func checkSettings() {
        guard let first = settings.first else { return }
        for extra in settings.dropFirst() {
            report(
                .secondSettings,
                "the set has a second `kind: Settings`",
                help: "join the two into one document",
                in: extra.file,
                at: extra.span,
                notes: [source(first.file).note("the first one", at: first.span)]
            )
        }
    }

    /// The services that must be declared, and that should be up (contract, *required core manifests*).
    mutating func checkRequiredCore() {
        let written = settings.first.flatMap { draft in draft.required.map { (draft.file, $0) } }
        var warned: Set<Int> = []
        for name in written.map({ $0.1.map(\.name) }) ?? Settings().required {
            if let number = serviceIndexByName[name] {
                if warned.insert(number).inserted { warnIfRequiredCoreIsDown(number) }
                continue
            }
            guard !possiblyDeclaredNames.contains(name.name) else { continue }
            let message = "the required core manifest `\(name)` is not declared"
            let place = written.flatMap { file, names in
                names.first { $0.name == name }.map { (file, $0.span) }
            }
            if let (file, span) = place {
                report(.requiredCoreMissing, message, help: Self.declarationHelp(name), in: file, at: span)
            } else {
                diagnostics.append(
                    Diagnostic(
                        .error,
                        code: DiagnosticCode.requiredCoreMissing.rawValue,
                        message,
                        help: Self.declarationHelp(name)
                    )
                )
            }
        }
        for number in services.indices where services[number].spec.required && services[number].hasValidName {
            if warned.insert(number).inserted { warnIfRequiredCoreIsDown(number) }
        }
    }

    private mutating func warnIfRequiredCoreIsDown(_ number: Int) {
        let service = services[number]
        guard service.spec.status != .start else { return }
        report(
            .requiredNotStarted,
            "the required core service `\(service.spec.name)` has `status: \(service.spec.status.rawValue)`",
            help: "services that require it stay down; set `status: start` unless that is meant",
            in: service.file,
            at: service.span(of: "status"),
            severity: .warning
        )
    }

    private static func declarationHelp(_ name: QualifiedName) -> String {
        let context = name.context == QualifiedName.defaultContext ? "" : "  context: \(name.context)\n"
        let program = name.name == "hero_db" ? "hero_db_server" : name.name
        return """
            declare it:
              kind: Service
              name: \(name.name)
            \(context)  class: system
              required: true
              actions:
                - {name: server, exec: [\(program)], is_process: true}
            or do without: set HERO_PROC_NO_AUTOSTART_DB=1, or declare `kind: Settings` with `required: []`
            """
    }
}

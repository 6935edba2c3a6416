internal import HeroModel

extension ManifestSet {
    /// Reports every settings document after the first one.
    mutating func checkSettings() {
        guard let first = settings.first else { return }
        for extra in settings.dropFirst() {
            report(
                .secondSettings,
                "the set has a second document of `kind: Settings`",
                help: "merge the two into one document",
                in: extra.file,
                at: extra.span,
                notes: [source(first.file).note("the first document", at: first.span)]
            )
        }
    }

    /// Reports required core services that are not declared or do not have `status: start`.
    mutating func checkRequiredCore() {
        let requiredNames = settings.first.flatMap { draft in draft.required.map { (draft.file, $0) } }
        var warned: Set<Int> = []
        for name in requiredNames.map({ $0.1.map(\.name) }) ?? Settings().required {
            if let index = serviceIndexByName[name] {
                if warned.insert(index).inserted { warnIfRequiredCoreIsDown(index) }
                continue
            }
            guard !possiblyDeclaredNames.contains(name.name) else { continue }
            let message = "the required core manifest `\(name)` is not declared"
            let listed = requiredNames.flatMap { file, names in
                names.first { $0.name == name }.map { (file, $0.span) }
            }
            if let (file, span) = listed {
                report(.requiredCoreMissing, message, help: Self.declarationHelp(name), in: file, at: span)
            } else {
                diagnostics.append(
                    Diagnostic(
                        .error,
                        code: DiagnosticCode.requiredCoreMissing.rawValue,
                        message,
                        help: (documents.isEmpty ? "`heroproc init` writes an example that runs; or " : "")
                            + Self.declarationHelp(name)
                    )
                )
            }
        }
        for index in services.indices where services[index].spec.required && services[index].hasValidName {
            if warned.insert(index).inserted { warnIfRequiredCoreIsDown(index) }
        }
    }

    private mutating func warnIfRequiredCoreIsDown(_ index: Int) {
        let service = services[index]
        guard service.spec.status != .start else { return }
        report(
            .requiredNotStarted,
            "the required core service `\(service.spec.name)` has `status: \(service.spec.status.rawValue)`",
            help: "set `status: start`; until then, services that require it stay down",
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
              exec: [\(program)]
            or run without it: set HERO_PROC_NO_AUTOSTART_DB=1, or declare `kind: Settings` with `required: []`
            """
    }
}

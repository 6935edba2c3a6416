internal import HeroModel

/// All drafts of all files, and what is wrong with them as one set.
struct ManifestSet {
    /// The files, by number.
    private var sources: [Source] = []
    /// How many mistakes of the set were shown of each file.
    private var shares: [Int: Share] = [:]
    /// The services in the order of the files.
    var services: [ServiceDraft] = []
    /// The action documents.
    var actions: [ActionDraft] = []
    /// The settings; more than one is a mistake.
    var settings: [SettingsDraft] = []
    /// Every document of a known kind.
    var documents: [DocumentRecord] = []
    /// What was found so far.
    var diagnostics: [Diagnostic] = []
    /// Names that are probably declared where nothing could be read.
    var unreadNames: Set<String> = []

    /// Numbers of services by name; of two with one name the first.
    var serviceNumbers: [QualifiedName: Int] = [:]
    /// Numbers of action documents by name; of two with one name the first.
    var actionNumbers: [QualifiedName: Int] = [:]
    /// The actions of each service, in order, by the service's number.
    var usedActions: [[UsedAction]] = []
    /// Whom a service waits for, by numbers.
    var dependencies: [[Dependency]] = []
    /// Whom a service may never be up beside, by numbers.
    var conflicts: [[Dependency]] = []
    /// Searches for a similar name that may still be made: each looks at all names.
    var searchesLeft = 50

    /// One action of a service.
    enum UsedAction {
        /// Written in place: its number among those of the service.
        case inline(Int)
        /// An action document by its number, and where the service names it.
        case document(Int, Span)
    }

    /// One edge between services.
    struct Dependency {
        /// The number of the service it points to.
        var target: Int
        /// The key it is declared with.
        var key: Edge
        /// Where.
        var span: Span
    }

    /// Decodes the documents of one file, and takes what was found in it.
    mutating func take(_ trees: [Node], _ scope: Scope) {
        var scope = scope
        for tree in trees { decode(tree, in: &scope) }
        sources.append(scope.source)
        diagnostics += scope.diagnostics
        unreadNames.formUnion(scope.unreadNames)
    }

    /// Warns about values that were given and that nothing uses, unless something could not be read.
    mutating func warnAbout(unused variables: Variables) {
        guard !diagnostics.contains(where: { $0.severity == .error }) else { return }
        for name in variables.unused {
            diagnostics.append(
                Diagnostic(
                    .warning,
                    code: DiagnosticCode.unusedVariable.rawValue,
                    "no manifest uses the variable `\(name)` that was given with `--var`"
                        + Suggestion.phrase(name, variables.askedNames),
                    help: "write `${\(name)}` where it is meant, or leave it out"
                )
            )
        }
    }

    /// Judges the set: the desired state, or every mistake.
    mutating func judged(_ options: ManifestOptions) -> ManifestResult {
        checkNames()
        resolveActions()
        resolveReferences()
        checkCycles()
        checkConflicts()
        checkClaims()
        checkStandalone()
        checkTimeZones(options.zoneExists)
        checkSettings()
        if options.requiresCore { checkRequiredCore() }
        diagnostics.sort()
        let hasErrors = diagnostics.contains { $0.severity == .error }
        return ManifestResult(
            desired: hasErrors ? nil : assembled(),
            diagnostics: diagnostics,
            documents: documents
        )
    }

    /// The draft of an action that a service uses.
    func draft(of used: UsedAction, in service: Int) -> ActionDraft {
        switch used {
        case .inline(let number): services[service].inlineActions[number]
        case .document(let number, _): actions[number]
        }
    }

    /// The name of an action that a service uses.
    func name(of used: UsedAction, in service: Int) -> String {
        switch used {
        case .inline(let number): services[service].inlineActions[number].spec.name
        case .document(let number, _): actions[number].spec.name
        }
    }

    /// Where a service says that it uses an action.
    func span(of used: UsedAction, in service: Int) -> Span {
        switch used {
        case .inline(let number): services[service].inlineActions[number].span
        case .document(_, let reference): reference
        }
    }

    /// A file's text.
    func source(_ file: Int) -> Source { sources[file] }

    /// Adds a mistake at a place of a file.
    mutating func report(
        _ code: DiagnosticCode,
        _ message: String,
        help: String,
        in file: Int,
        at span: Span,
        notes: [Diagnostic.Note] = [],
        severity: Diagnostic.Severity = .error
    ) {
        let found = shares[file, default: Share()].take(source(file), severity, code, message, help, span, notes)
        if let found { diagnostics.append(found) }
    }
}

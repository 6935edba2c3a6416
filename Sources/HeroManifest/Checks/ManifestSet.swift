internal import HeroModel

/// All drafts of all files, and what is wrong with them as one set.
struct ManifestSet {
    /// The files, by number.
    private var sources: [SourceFile] = []
    /// How many mistakes of the set were shown of each file.
    private var limiters: [Int: DiagnosticLimiter] = [:]
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
    var possiblyDeclaredNames: Set<String> = []

    /// Numbers of services by name; of two with one name the first.
    var serviceIndexByName: [QualifiedName: Int] = [:]
    /// Numbers of action documents by name; of two with one name the first.
    var actionIndexByName: [QualifiedName: Int] = [:]
    /// The actions of each service, in order, by the service's number.
    var usedActions: [[UsedAction]] = []
    /// Whom a service waits for, by numbers.
    var dependencies: [[Relation]] = []
    /// Whom a service may never be up beside, by numbers.
    var conflicts: [[Relation]] = []
    /// Searches for a similar name that may still be made: each looks at all names.
    var remainingSuggestionSearches = 50

    /// One action of a service.
    enum UsedAction {
        /// Written in place: its number among those of the service.
        case inline(Int)
        /// An action document by its number, and where the service names it.
        case document(Int, Span)
    }

    /// One edge between services.
    struct Relation {
        /// The number of the service it points to.
        var target: Int
        /// The key it is declared with.
        var kind: RelationKind
        /// Where.
        var span: Span
    }

    /// Decodes the documents of one file, and takes what was found in it.
    mutating func addDocuments(_ trees: [YAMLNode], _ scope: FileDecoder) {
        var scope = scope
        for tree in trees { decode(tree, in: &scope) }
        sources.append(scope.source)
        diagnostics += scope.diagnostics
        possiblyDeclaredNames.formUnion(scope.possiblyDeclaredNames)
    }

    /// Warns about values that were given and that nothing uses, unless something could not be read.
    mutating func warnAbout(unused variables: Variables) {
        guard !diagnostics.contains(where: { $0.severity == .error }) else { return }
        for name in variables.unusedNames {
            diagnostics.append(
                Diagnostic(
                    .warning,
                    code: DiagnosticCode.unusedVariable.rawValue,
                    "no manifest uses the variable `\(name)` that was given with `--var`"
                        + Suggestion.didYouMean(name, variables.referencedNames),
                    help: "write `${\(name)}` where it is meant, or leave it out"
                )
            )
        }
    }

    /// Judges the set: the desired state, or every mistake.
    mutating func validate(_ options: ManifestOptions) -> ManifestResult {
        checkNames()
        resolveActions()
        resolveReferences()
        checkCycles()
        checkConflicts()
        checkClaims()
        checkStandaloneActions()
        checkTimeZones(options.zoneExists)
        checkSettings()
        if options.requiresCore { checkRequiredCore() }
        diagnostics.sort()
        let hasErrors = diagnostics.contains { $0.severity == .error }
        return ManifestResult(
            desired: hasErrors ? nil : buildDesired(),
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
    func source(_ file: Int) -> SourceFile { sources[file] }

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
        let found = limiters[file, default: DiagnosticLimiter()].makeDiagnostic(
            source(file),
            severity,
            code,
            message,
            help,
            span,
            notes
        )
        if let found { diagnostics.append(found) }
    }
}

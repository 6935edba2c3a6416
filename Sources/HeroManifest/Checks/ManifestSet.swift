internal import HeroModel

/// The drafts of all files, and the checks that need the whole set.
struct ManifestSet {
    /// The files, in the order in which they were added.
    private var sources: [SourceFile] = []
    /// The limiters of diagnostics that concern the set, by the index of their file.
    private var limiters: [Int: DiagnosticLimiter] = [:]
    /// The services in the order of the files.
    var services: [ServiceDraft] = []
    /// The action documents.
    var actions: [ActionDraft] = []
    /// The settings documents; more than one is an error.
    var settings: [SettingsDraft] = []
    /// Every document of a known kind.
    var documents: [DocumentRecord] = []
    /// The diagnostics so far.
    var diagnostics: [Diagnostic] = []
    /// Names that unreadable parts of files probably declare.
    var possiblyDeclaredNames: Set<String> = []

    /// The indices of services by name; for a duplicate name, the index of the first service.
    var serviceIndexByName: [QualifiedName: Int] = [:]
    /// The indices of action documents by name; for a duplicate name, the index of the first document.
    var actionIndexByName: [QualifiedName: Int] = [:]
    /// The actions of each service in order, by the index of the service.
    var usedActions: [[UsedAction]] = []
    /// The services that each service waits for, by the index of the service.
    var dependencies: [[Relation]] = []
    /// The services that each service conflicts with, by the index of the service.
    var conflicts: [[Relation]] = []
    /// The index of searches for a similar name that are still allowed, because each one compares all names.
    var remainingSuggestionSearches = 50

    /// One action of a service.
    enum UsedAction {
        /// An inline action, by its index among those of the service.
        case inline(Int)
        /// An action document by its index, and the span of the reference to it.
        case document(Int, Span)
    }

    /// One relation of a service to another one.
    struct Relation {
        /// The index of the other service.
        var target: Int
        /// The key that declares the relation.
        var kind: RelationKind
        /// The span of the reference.
        var span: Span
    }

    /// Decodes the documents of one file and adds its diagnostics.
    mutating func addDocuments(_ trees: [YAMLNode], _ decoder: FileDecoder) {
        var decoder = decoder
        for tree in trees { decode(tree, in: &decoder) }
        sources.append(decoder.source)
        diagnostics += decoder.diagnostics
        possiblyDeclaredNames.formUnion(decoder.possiblyDeclaredNames)
    }

    /// Warns about values of `--var` that no manifest uses, unless there are errors.
    mutating func reportUnusedVariables(_ variables: Variables) {
        guard !diagnostics.contains(where: { $0.severity == .error }) else { return }
        for name in variables.unusedNames {
            diagnostics.append(
                Diagnostic(
                    .warning,
                    code: DiagnosticCode.unusedVariable.rawValue,
                    "no manifest uses the variable `\(name)` that is set with `--var`"
                        + Suggestion.didYouMean(name, variables.referencedNames),
                    help: "write `${\(name)}` in a manifest, or remove the option"
                )
            )
        }
    }

    /// Checks the set and returns the desired state or all errors.
    mutating func validate(_ options: ManifestOptions) -> ManifestResult {
        checkNames()
        resolveActions()
        resolveReferences()
        checkCycles()
        checkConflicts()
        checkClaims()
        checkStandaloneActions()
        checkEssentialServices()
        checkStoppedActions()
        checkReadiness()
        checkRetries()
        checkExpansions()
        checkRelativePaths()
        checkSandboxes()
        if let now = options.now { checkHolds(at: now) }
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

    /// Returns the name of an action that a service uses.
    func name(of used: UsedAction, in service: Int) -> String {
        switch used {
        case .inline(let index): services[service].inlineActions[index].spec.name
        case .document(let index, _): actions[index].spec.name
        }
    }

    /// Returns the span at which a service declares or references an action.
    func span(of used: UsedAction, in service: Int) -> Span {
        switch used {
        case .inline(let index): services[service].inlineActions[index].span
        case .document(_, let reference): reference
        }
    }

    /// Returns a file by its index.
    func source(_ file: Int) -> SourceFile { sources[file] }

    /// Adds a diagnostic about a span of a file, unless the limit of the file is reached.
    mutating func report(
        _ code: DiagnosticCode,
        _ message: String,
        help: String,
        in file: Int,
        at span: Span,
        notes: [Diagnostic.Note] = [],
        severity: Diagnostic.Severity = .error
    ) {
        let diagnostic = limiters[file, default: DiagnosticLimiter()].makeDiagnostic(
            source(file),
            severity,
            code,
            message,
            help,
            span,
            notes
        )
        if let diagnostic { diagnostics.append(diagnostic) }
    }
}

/// The state of one import: what is read so far, and the report.
struct ImportState {
    /// The request.
    let request: ImportRequest
    /// The services and standalone actions in the order of the source.
    var services: [ImportedService] = []
    /// Values for all services.
    var defaults = ManifestMap()
    /// The variables of the source, in the order of their first use; nil without a value.
    private(set) var variables: [(name: String, value: String?)] = []
    private var variableNames: Set<String> = []
    /// The places at which variables are used first.
    private(set) var variablePlaces: [String: SourcePlace] = [:]
    private var lines: [(place: SourcePlace, code: LossCode, text: String)] = []
    private var exact = 0

    init(_ request: ImportRequest) {
        self.request = request
    }

    // MARK: The report

    /// Adds a line to the report.
    mutating func report(_ place: SourcePlace, _ code: LossCode, _ text: String) {
        if code == .exact {
            exact += 1
        } else {
            lines.append((place, code, String(text.prefix(600))))
        }
    }

    /// The length of the report so far.
    var reportMark: (lines: Int, exact: Int) { (lines.count, exact) }

    /// Takes back what was reported since a mark, for copies of a service that is reported already.
    mutating func discardReport(since mark: (lines: Int, exact: Int)) {
        lines.removeLast(max(0, lines.count - mark.lines))
        exact = mark.exact
    }

    /// Removes the line about a dependency, because all its targets are lost.
    mutating func removeDependencyLines(at places: Set<SourcePlace>) {
        let codes: Set<LossCode> = [
            .sameMeaning, .requiresCascade, .softDependency, .manualStart, .valueAdapted, .orderOnly,
        ]
        lines.removeAll { codes.contains($0.code) && places.contains($0.place) }
    }

    /// Counts a key that is written with the same meaning.
    mutating func countExact() { exact += 1 }

    /// The report in the order of the source.
    func report(renamed: [RenamedService]) -> LossReport {
        let sorted = lines.enumerated().sorted {
            ($0.element.place.file, $0.element.place.line, $0.offset)
                < ($1.element.place.file, $1.element.place.line, $1.offset)
        }
        let items = sorted.map { _, line in
            LossItem(
                file: request.files.indices.contains(line.place.file) ? request.files[line.place.file].path : "",
                line: line.place.line,
                key: String(line.place.key.prefix(200)),
                code: line.code,
                text: line.text
            )
        }
        return LossReport(exact: exact, items: items, renamed: renamed, accepted: request.accepted)
    }

    // MARK: Variables

    /// Records a use of a variable of the source that has no fallback.
    mutating func use(variable name: String, at place: SourcePlace) {
        guard variableNames.insert(name).inserted else { return }
        variables.append((name, nil))
        variablePlaces[name] = place
    }

    /// Sets the value of a variable.
    mutating func set(variable name: String, to value: String) {
        if let index = variables.firstIndex(where: { $0.name == name }) {
            variables[index].value = value
        } else {
            variableNames.insert(name)
            variables.append((name, value))
        }
    }

    /// Records all variables of a text, and returns the text.
    mutating func using(_ text: ImportedText, at place: SourcePlace) -> ImportedText {
        for name in text.unsetVariables { use(variable: name, at: place) }
        return text
    }

    // MARK: Services

    /// Adds a service.
    ///
    /// - Throws: if there are too many.
    mutating func add(_ service: ImportedService) throws(ImportError) {
        guard services.count < ImportLimits.services else {
            throw ImportError(
                request.files[service.place.file].path,
                line: service.place.line,
                "there are more than \(ImportLimits.services) services",
                help: "import the files in several steps"
            )
        }
        services.append(service)
    }

    // MARK: Paths

    /// Returns a path of the source as a manifest writes it: relative paths are relative to another directory there.
    ///
    /// Nil, after a report, if heroproc cannot use the path.
    mutating func path(_ text: ImportedText, at place: SourcePlace) -> ImportedText? {
        let literal = text.literal
        if literal == "~" || literal?.hasPrefix("~/") == true {
            guard let rest = literal?.dropFirst(1) else { return nil }
            var home = ImportedText()
            home.append(variable: "HOME")
            home.append(rest)
            return home
        }
        guard let start = text.pieces.first else { return nil }
        if case .literal(let first) = start {
            guard !first.unicodeScalars.contains(where: { $0.value < 32 }) else {
                report(place, .invalidValue, "not written: the path has a control character")
                return nil
            }
            if first.hasPrefix("/") { return using(text, at: place) }
            var result = ImportedText()
            var rest = Substring(first)
            while rest.hasPrefix("./") { rest = rest.dropFirst(2) }
            if rest == "." { rest = "" }
            let directory = request.sourceDirectory
            result.append(rest.isEmpty && text.pieces.count == 1 ? directory : directory + "/" + rest)
            for piece in text.pieces.dropFirst() {
                switch piece {
                case .literal(let text): result.append(text)
                case .variable(let name, let fallback): result.append(variable: name, fallback: fallback)
                }
            }
            return using(result, at: place)
        }
        return using(text, at: place)
    }

    /// The directory of the source, for programs that start there.
    var sourceDirectory: ImportedText { ImportedText(request.sourceDirectory) }
}

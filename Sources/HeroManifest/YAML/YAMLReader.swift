internal import CLibYAML
internal import HeroModel

/// Reads one file's documents into trees, by libyaml's event parser and under its own budgets.
///
/// Budgets are judged on events, before anything is built from them: libyaml itself knows no limit and takes
/// quadratic time on `[`, so nothing more is asked of it once a limit is passed. What was read before is kept.
struct YAMLReader {
    /// Nothing more can be read of this file; it has been reported.
    private struct ReadingAborted: Error {}

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private var event = yaml_event_t()
    private var eventCount = 0
    private var scope: FileDecoder
    private var syntaxProblem: SyntaxProblem?

    /// The documents of the scope's file that are not empty; mistakes go to the scope.
    static func read(in scope: inout FileDecoder) -> [YAMLNode] { read(in: &scope) { trees, _ in trees } }

    /// Reads the documents of the scope's file that are not empty, and has them used.
    ///
    /// They are used while libyaml still holds its buffers: the next file's parser then finds these free as a whole, and
    /// nothing that lasts is carved out of their place.
    static func read<Result>(
        in scope: inout FileDecoder,
        use: (_ trees: [YAMLNode], _ scope: inout FileDecoder) -> Result
    ) -> Result {
        let bytes = scope.source.file.bytes
        guard scope.validateBytes() else {
            scope.collectPossiblyDeclaredNames()
            return use([], &scope)
        }
        let skipped = ByteOrderMark.isPresent(bytes) ? 3 : 0
        guard bytes.count > skipped else { return use([], &scope) }
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else {
            scope.report(.syntax, "cannot read this file: out of memory", help: nil, at: .start)
            return use([], &scope)
        }
        defer { yaml_parser_delete(parser) }
        var documents: [YAMLNode] = []
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, base + skipped, buffer.count - skipped)
            var reader = YAMLReader(parser: parser, scope: scope)
            do throws(ReadingAborted) {
                while let document = try reader.nextDocument() { documents.append(document) }
                scope = reader.scope
            } catch {
                scope = reader.scope
                scope.collectPossiblyDeclaredNames()
                // What is missing in it may stand where nothing can be read any more.
                if let last = documents.last, reader.isTruncated(last) { documents.removeLast() }
            }
        }
        return use(documents, &scope)
    }

    private init(parser: UnsafeMutablePointer<yaml_parser_t>, scope: FileDecoder) {
        self.parser = parser
        self.scope = scope
    }

    // MARK: Events

    /// Fetches the next event and counts it; every one must be deleted before the next.
    private mutating func nextEvent() throws(ReadingAborted) -> yaml_event_type_t {
        guard eventCount < InputLimits.events else {
            scope.report(
                .tooManyNodes,
                "the file holds more than \(InputLimits.events) YAML events",
                help: "split it into several files",
                at: span(parser.pointee.mark, parser.pointee.mark)
            )
            throw ReadingAborted()
        }
        eventCount += 1
        guard yaml_parser_parse(parser, &event) == 1 else {
            let mistake = SyntaxProblem(parser.pointee, in: scope.source)
            mistake.report(to: &scope)
            self.syntaxProblem = mistake
            throw ReadingAborted()
        }
        return event.type
    }

    private func span(_ start: yaml_mark_t, _ end: yaml_mark_t) -> Span {
        Span(
            line: Int32(clamping: start.line &+ 1),
            column: Int32(clamping: start.column &+ 1),
            length: start.line == end.line ? max(1, Int32(clamping: end.column &- start.column)) : 0
        )
    }

    private var eventSpan: Span { span(event.start_mark, event.end_mark) }

    // MARK: Documents

    /// The next document that says anything; nil at the end.
    private mutating func nextDocument() throws(ReadingAborted) -> YAMLNode? {
        while true {
            switch try nextEvent() {
            case YAML_STREAM_END_EVENT:
                return nil
            case YAML_DOCUMENT_START_EVENT:
                let hasTagDirectives =
                    event.data.document_start.tag_directives.start != event.data.document_start.tag_directives.end
                if hasTagDirectives { reportTag() }
                yaml_event_delete(&event)
                _ = try nextEvent()
                let root = try node(depth: 0)
                if !root.isNull { return root }
            default:
                // The start of the stream, the end of a document.
                yaml_event_delete(&event)
            }
        }
    }

    /// Whether a document is only the part of one before a mistake.
    private func isTruncated(_ document: YAMLNode) -> Bool {
        guard let syntaxProblem else { return false }
        if case .mapping = document.content { return syntaxProblem.endsDocument }
        return syntaxProblem.line == document.span.line
    }

    /// The node that begins with the current event.
    private mutating func node(depth: Int) throws(ReadingAborted) -> YAMLNode {
        switch event.type {
        case YAML_SCALAR_EVENT: return try scalar()
        case YAML_SEQUENCE_START_EVENT: return try sequence(depth: depth + 1)
        case YAML_MAPPING_START_EVENT: return try mapping(depth: depth + 1)
        default:
            let place = eventSpan
            yaml_event_delete(&event)
            scope.report(
                .alias,
                "an alias (`*name`) is not allowed",
                help: "write the value out; where a text begins with `*`, put it in quotes",
                at: place
            )
            return YAMLNode(content: .invalid, span: place)
        }
    }

    private mutating func scalar() throws(ReadingAborted) -> YAMLNode {
        defer { yaml_event_delete(&event) }
        let place = eventSpan
        let length = event.data.scalar.length
        let style = event.data.scalar.style
        guard length <= InputLimits.scalarBytes else {
            scope.report(
                .textTooLong,
                "this text is longer than 64 KiB",
                help: "put it into a file of its own and name that file here",
                at: place
            )
            throw ReadingAborted()
        }
        if event.data.scalar.anchor != nil { reportAnchor() }
        if event.data.scalar.tag != nil {
            reportTag()
            return YAMLNode(content: .invalid, span: place)
        }
        let bytes = UnsafeBufferPointer(start: event.data.scalar.value, count: length)
        // Only the escapes of a double-quoted text can still make one: no program could be given it.
        if style == YAML_DOUBLE_QUOTED_SCALAR_STYLE, bytes.contains(0) {
            scope.report(
                .controlCharacter,
                "this text contains the character NUL",
                help: "remove the escape; no argument, path or variable can hold it",
                at: place
            )
            return YAMLNode(content: .invalid, span: place)
        }
        if !scope.hasDollar, bytes.contains(UInt8(ascii: "$")) { scope.hasDollar = true }
        let text = String(decoding: bytes, as: UTF8.self)
        return YAMLNode(content: .scalar(text, plain: style == YAML_PLAIN_SCALAR_STYLE), span: place)
    }

    private mutating func sequence(depth: Int) throws(ReadingAborted) -> YAMLNode {
        let place = try beginCollection(
            anchor: event.data.sequence_start.anchor,
            tag: event.data.sequence_start.tag,
            depth
        )
        var items: [YAMLNode] = []
        items.reserveCapacity(4)
        while try nextEvent() != YAML_SEQUENCE_END_EVENT { items.append(try node(depth: depth)) }
        return YAMLNode(content: .sequence(items), span: endCollection(place))
    }

    private mutating func mapping(depth: Int) throws(ReadingAborted) -> YAMLNode {
        let place = try beginCollection(
            anchor: event.data.mapping_start.anchor,
            tag: event.data.mapping_start.tag,
            depth
        )
        var entries: [YAMLEntry] = []
        entries.reserveCapacity(8)
        var keys = KeySet()
        var isTwoDocuments = false
        while try nextEvent() != YAML_MAPPING_END_EVENT {
            let key = try node(depth: depth)
            _ = try nextEvent()
            let value = try node(depth: depth)
            guard let text = keyText(key) else { continue }
            if let first = keys.insert(text, among: entries) {
                // All that follows belongs to another document.
                guard !isTwoDocuments else { continue }
                isTwoDocuments = depth == 1 && text == "kind"
                scope.report(
                    .duplicateKey,
                    isTwoDocuments
                        ? "a second `kind` stands in one document" : "the key \(quoted(text)) is written twice",
                    help: isTwoDocuments ? "separate documents by a line `---`" : "keep one of the two",
                    at: key.span,
                    notes: [scope.source.note("first written", at: entries[first].span)]
                )
            } else {
                entries.append(YAMLEntry(key: text, span: key.span, value: value))
            }
        }
        return YAMLNode(content: .mapping(entries), span: endCollection(place))
    }

    private mutating func beginCollection(
        anchor: UnsafeMutablePointer<yaml_char_t>?,
        tag: UnsafeMutablePointer<yaml_char_t>?,
        _ depth: Int
    ) throws(ReadingAborted) -> Span {
        defer { yaml_event_delete(&event) }
        let place = eventSpan
        if anchor != nil { reportAnchor() }
        if tag != nil { reportTag() }
        guard depth <= InputLimits.depth else {
            scope.report(
                .tooDeep,
                "lists and maps are more than \(InputLimits.depth) levels deep here",
                help: "no manifest needs that; look for a bracket or an indentation that is not meant",
                at: place
            )
            throw ReadingAborted()
        }
        return place
    }

    /// Ends a collection: its span reaches to its end where that is on the same line.
    private mutating func endCollection(_ start: Span) -> Span {
        defer { yaml_event_delete(&event) }
        var result = start
        let end = event.end_mark
        if Int32(clamping: end.line &+ 1) == start.line {
            result.length = max(1, Int32(clamping: end.column &+ 1) &- start.column)
        } else {
            result.length = 0
        }
        return result
    }

    // MARK: Keys

    /// The text of a key; nil, and reported, where it is none.
    private mutating func keyText(_ key: YAMLNode) -> String? {
        switch key.content {
        case .scalar("<<", plain: true):
            scope.report(
                .mergeKey,
                "a merge key (`<<`) is not allowed",
                help: "write the keys out",
                at: key.span
            )
            return nil
        case .scalar(let text, plain: let isPlain):
            guard isPlain, !Scalars.isPlainText(text) else { return text }
            scope.report(
                .keyNotText,
                text.isEmpty ? "a key is missing before the `:`" : "the key \(quoted(text)) is not a text",
                help: text.isEmpty ? "write a key" : "put it in quotes if it is meant: \"\(text)\"",
                at: key.span
            )
            return nil
        case .sequence, .mapping:
            scope.report(
                .keyNotText,
                "a list or a map cannot be a key",
                help: "a key is a text; where a text begins with `[` or `{`, put it in quotes",
                at: key.span
            )
            return nil
        case .invalid:
            return nil
        }
    }

    // MARK: What is not allowed

    private mutating func reportAnchor() {
        scope.report(
            .anchor,
            "an anchor (`&name`) is not allowed",
            help: "write the value where it is needed; where a text begins with `&`, put it in quotes",
            at: eventSpan
        )
    }

    private mutating func reportTag() {
        scope.report(
            .tag,
            "a tag (`!name`) is not allowed",
            help: "remove it: every key knows its type; where a text begins with `!`, put it in quotes",
            at: eventSpan
        )
    }
}

/// The keys of a mapping so far: a walk while they are few, a table when a file has very many.
private struct KeySet {
    private var table: [String: Int] = [:]

    /// Adds a key that will be the next entry; where it is there already, the index of that entry.
    mutating func insert(_ key: String, among entries: [YAMLEntry]) -> Int? {
        if entries.count < 24 { return entries.firstIndex { $0.key == key } }
        if table.isEmpty {
            for (index, entry) in entries.enumerated() { table[entry.key] = index }
        }
        if let first = table[key] { return first }
        table[key] = entries.count
        return nil
    }
}

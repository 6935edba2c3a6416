internal import CLibYAML
internal import HeroModel

/// Parses the documents of one file into trees, with the event parser of libyaml and the limits of `InputLimits`.
///
/// The limits are checked on events, before nodes are built. libyaml has no limits and takes quadratic time for `[`, so
/// that parsing stops at the first exceeded limit. Documents before that point are kept.
struct YAMLReader {
    /// Parsing of this file stopped; the reason is already reported.
    private struct ReadingAborted: Error {}

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private var event = yaml_event_t()
    private var eventCount = 0
    private var decoder: FileDecoder
    private var syntaxProblem: SyntaxProblem?

    /// Returns the documents of the file that are not empty; reports errors to the decoder.
    static func read(in decoder: inout FileDecoder) -> [YAMLNode] { read(in: &decoder) { trees, _ in trees } }

    /// Parses the documents of the file that are not empty, and passes them to a function.
    ///
    /// The function runs while libyaml still holds its buffers. They are then freed as a whole and reused for the next
    /// file, instead of being fragmented by long-lived allocations.
    static func read<Result>(
        in decoder: inout FileDecoder,
        use: (_ trees: [YAMLNode], _ decoder: inout FileDecoder) -> Result
    ) -> Result {
        let bytes = decoder.source.file.bytes
        guard decoder.validateBytes() else {
            decoder.collectPossiblyDeclaredNames()
            return use([], &decoder)
        }
        let skipped = ByteOrderMark.isPresent(bytes) ? 3 : 0
        guard bytes.count > skipped else { return use([], &decoder) }
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else {
            decoder.report(.syntax, "cannot read this file: out of memory", help: nil, at: .start)
            return use([], &decoder)
        }
        defer { yaml_parser_delete(parser) }
        var documents: [YAMLNode] = []
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, base + skipped, buffer.count - skipped)
            var reader = YAMLReader(parser: parser, decoder: decoder)
            do throws(ReadingAborted) {
                while let document = try reader.nextDocument() { documents.append(document) }
                decoder = reader.decoder
            } catch {
                decoder = reader.decoder
                decoder.collectPossiblyDeclaredNames()
                // Keys that are missing in the last document can be in the unreadable rest.
                if let last = documents.last, reader.isTruncated(last) { documents.removeLast() }
            }
        }
        return use(documents, &decoder)
    }

    private init(parser: UnsafeMutablePointer<yaml_parser_t>, decoder: FileDecoder) {
        self.parser = parser
        self.decoder = decoder
    }

    // MARK: Events

    /// Fetches and counts the next event.
    ///
    /// Each event must be deleted before the next one is fetched.
    private mutating func nextEvent() throws(ReadingAborted) -> yaml_event_type_t {
        guard eventCount < InputLimits.events else {
            decoder.report(
                .tooManyNodes,
                "the file has more than \(InputLimits.events) YAML events",
                help: "split it into several files",
                at: span(parser.pointee.mark, parser.pointee.mark)
            )
            throw ReadingAborted()
        }
        eventCount += 1
        guard yaml_parser_parse(parser, &event) == 1 else {
            let problem = SyntaxProblem(parser.pointee, in: decoder.source)
            problem.report(to: &decoder)
            self.syntaxProblem = problem
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

    /// Returns the next document that is not empty; nil at the end of the file.
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
                // The start of the stream or the end of a document.
                yaml_event_delete(&event)
            }
        }
    }

    /// Whether a document is only the part before a syntax error.
    private func isTruncated(_ document: YAMLNode) -> Bool {
        guard let syntaxProblem else { return false }
        if case .mapping = document.content { return syntaxProblem.endsDocument }
        return syntaxProblem.line == document.span.line
    }

    /// Builds the node that begins with the current event.
    private mutating func node(depth: Int) throws(ReadingAborted) -> YAMLNode {
        switch event.type {
        case YAML_SCALAR_EVENT: return try scalar()
        case YAML_SEQUENCE_START_EVENT: return try sequence(depth: depth + 1)
        case YAML_MAPPING_START_EVENT: return try mapping(depth: depth + 1)
        default:
            let span = eventSpan
            yaml_event_delete(&event)
            decoder.report(
                .alias,
                "an alias (`*name`) is not allowed",
                help: "write the value in full; quote a string that begins with `*`",
                at: span
            )
            return YAMLNode(content: .invalid, span: span)
        }
    }

    private mutating func scalar() throws(ReadingAborted) -> YAMLNode {
        defer { yaml_event_delete(&event) }
        let span = eventSpan
        let length = event.data.scalar.length
        let style = event.data.scalar.style
        guard length <= InputLimits.scalarBytes else {
            decoder.report(
                .textTooLong,
                "this string is longer than 64 KiB",
                help: "move it to a separate file and write the path of that file here",
                at: span
            )
            throw ReadingAborted()
        }
        if event.data.scalar.anchor != nil { reportAnchor() }
        if event.data.scalar.tag != nil {
            reportTag()
            return YAMLNode(content: .invalid, span: span)
        }
        let bytes = UnsafeBufferPointer(start: event.data.scalar.value, count: length)
        // Only an escape in a double-quoted string can produce NUL, which cannot be passed to a program.
        if style == YAML_DOUBLE_QUOTED_SCALAR_STYLE, bytes.contains(0) {
            decoder.report(
                .controlCharacter,
                "this string contains the character NUL",
                help: "remove the escape: no argument, path or variable can contain NUL",
                at: span
            )
            return YAMLNode(content: .invalid, span: span)
        }
        if !decoder.hasDollar, bytes.contains(UInt8(ascii: "$")) { decoder.hasDollar = true }
        let text = String(decoding: bytes, as: UTF8.self)
        return YAMLNode(content: .scalar(text, plain: style == YAML_PLAIN_SCALAR_STYLE), span: span)
    }

    private mutating func sequence(depth: Int) throws(ReadingAborted) -> YAMLNode {
        let span = try beginCollection(
            anchor: event.data.sequence_start.anchor,
            tag: event.data.sequence_start.tag,
            depth
        )
        var items: [YAMLNode] = []
        items.reserveCapacity(4)
        while try nextEvent() != YAML_SEQUENCE_END_EVENT { items.append(try node(depth: depth)) }
        return YAMLNode(content: .sequence(items), span: endCollection(span))
    }

    private mutating func mapping(depth: Int) throws(ReadingAborted) -> YAMLNode {
        let span = try beginCollection(
            anchor: event.data.mapping_start.anchor,
            tag: event.data.mapping_start.tag,
            depth
        )
        var entries: [YAMLEntry] = []
        entries.reserveCapacity(8)
        var keys = MappingKeys()
        var hasSecondKind = false
        while try nextEvent() != YAML_MAPPING_END_EVENT {
            let key = try node(depth: depth)
            _ = try nextEvent()
            let value = try node(depth: depth)
            guard let text = keyText(key) else { continue }
            if let first = keys.insert(text, among: entries) {
                // All following keys belong to another document.
                guard !hasSecondKind else { continue }
                hasSecondKind = depth == 1 && text == "kind"
                decoder.report(
                    .duplicateKey,
                    hasSecondKind
                        ? "the document has a second `kind`" : "the key \(quoted(text)) appears twice in this map",
                    help: hasSecondKind ? "separate documents with a line `---`" : "remove one of the two",
                    at: key.span,
                    notes: [decoder.source.note("first occurrence", at: entries[first].span)]
                )
            } else {
                entries.append(YAMLEntry(key: text, span: key.span, value: value))
            }
        }
        return YAMLNode(content: .mapping(entries), span: endCollection(span))
    }

    private mutating func beginCollection(
        anchor: UnsafeMutablePointer<yaml_char_t>?,
        tag: UnsafeMutablePointer<yaml_char_t>?,
        _ depth: Int
    ) throws(ReadingAborted) -> Span {
        defer { yaml_event_delete(&event) }
        let span = eventSpan
        if anchor != nil { reportAnchor() }
        if tag != nil { reportTag() }
        guard depth <= InputLimits.depth else {
            decoder.report(
                .tooDeep,
                "lists and maps are nested more than \(InputLimits.depth) levels deep here",
                help: "look for an unintended bracket or indentation: no manifest needs this depth",
                at: span
            )
            throw ReadingAborted()
        }
        return span
    }

    /// Ends a collection; if it ends on the line on which it begins, its span extends to the end.
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

    /// Returns the text of a key; nil, after a report, if the key is not a string.
    private mutating func keyText(_ key: YAMLNode) -> String? {
        switch key.content {
        case .scalar("<<", plain: true):
            decoder.report(
                .mergeKey,
                "a merge key (`<<`) is not allowed",
                help: "write the merged keys in full",
                at: key.span
            )
            return nil
        case .scalar(let text, plain: let isPlain):
            guard isPlain, !Scalars.isPlainText(text) else { return text }
            decoder.report(
                .keyNotText,
                text.isEmpty ? "a key is missing before the `:`" : "the key \(quoted(text)) is not a string",
                help: text.isEmpty ? "write a key" : "quote it if it is intended: \"\(text)\"",
                at: key.span
            )
            return nil
        case .sequence, .mapping:
            decoder.report(
                .keyNotText,
                "a list or a map cannot be a key",
                help: "write a string; quote a string that begins with `[` or `{`",
                at: key.span
            )
            return nil
        case .invalid:
            return nil
        }
    }

    // MARK: Unsupported syntax

    private mutating func reportAnchor() {
        decoder.report(
            .anchor,
            "an anchor (`&name`) is not allowed",
            help: "write the value wherever it is needed; quote a string that begins with `&`",
            at: eventSpan
        )
    }

    private mutating func reportTag() {
        decoder.report(
            .tag,
            "a tag (`!name`) is not allowed",
            help: "remove the tag: the key determines the type; quote a string that begins with `!`",
            at: eventSpan
        )
    }
}

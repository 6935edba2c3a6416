internal import HeroModel

extension ManifestSet {
    /// Who binds something, and where that is written.
    private struct Claim {
        var owner: String
        var file: Int
        var span: Span
        var address: NumericAddress?
        var text: String
    }

    /// The claims on one port, so that each new one meets those it overlaps at once.
    private struct PortClaims {
        var any: Claim?
        var any4: Claim?
        var first: Claim?
        var first4: Claim?
        var byAddress: [NumericAddress: Claim] = [:]

        /// The earliest known claim that a new one overlaps.
        func overlapping(_ address: NumericAddress?) -> Claim? {
            guard let address, !address.isAny6 else { return first }
            if let any { return any }
            if address.isAny4 { return first4 }
            if address.isVersion4, let any4 { return any4 }
            return byAddress[address]
        }

        mutating func add(_ claim: Claim) {
            if first == nil { first = claim }
            guard let address = claim.address, !address.isAny6 else {
                if any == nil { any = claim }
                return
            }
            if address.isVersion4, first4 == nil { first4 = claim }
            if address.isAny4 {
                if any4 == nil { any4 = claim }
            } else if byAddress[address] == nil {
                byAddress[address] = claim
            }
        }
    }

    /// Reports ports and sockets that two actions bind; services of status `spec` never run and claim nothing.
    mutating func checkClaims() {
        var ports: [UInt16: PortClaims] = [:]
        var sockets: [String: Claim] = [:]
        var usedDocuments: Set<QualifiedName> = []
        for number in services.indices {
            let service = services[number]
            guard service.isNamed else { continue }
            for used in usedActions[number] {
                if used.reference != nil {
                    usedDocuments.insert(QualifiedName(used.draft.spec.name, context: used.draft.context))
                }
                guard service.spec.status != .spec else { continue }
                let owner = "`\(service.spec.name)`, action `\(used.draft.spec.name)`"
                claim(used.draft, owner, in: service.file, at: used.reference, &ports, &sockets)
            }
        }
        // An action document that no service uses may be run by itself.
        for draft in actions {
            let name = QualifiedName(draft.spec.name, context: draft.context)
            guard !usedDocuments.contains(name) else { continue }
            claim(draft, "the action `\(name)`", in: draft.file, at: nil, &ports, &sockets)
        }
    }

    private mutating func claim(
        _ draft: ActionDraft,
        _ owner: String,
        in file: Int,
        at reference: Span?,
        _ ports: inout [UInt16: PortClaims],
        _ sockets: inout [String: Claim]
    ) {
        for (endpoint, span) in draft.ports {
            let claim = Claim(
                owner: owner,
                file: file,
                span: reference ?? span,
                address: endpoint.host.flatMap { NumericAddress($0) },
                text: endpoint.description
            )
            if let earlier = ports[endpoint.port]?.overlapping(claim.address) {
                let same = earlier.text == claim.text
                reportClash(
                    .portClaimedTwice,
                    "TCP port \(endpoint.port)",
                    claim,
                    earlier,
                    same ? "" : " (`\(claim.text)` overlaps `\(earlier.text)`)"
                )
            } else {
                ports[endpoint.port, default: PortClaims()].add(claim)
            }
        }
        for (path, span) in draft.sockets {
            let claim = Claim(owner: owner, file: file, span: reference ?? span, address: nil, text: path)
            if let earlier = sockets[path] {
                reportClash(.socketClaimedTwice, "the socket \(quoted(path))", claim, earlier, "")
            } else {
                sockets[path] = claim
            }
        }
    }

    private mutating func reportClash(
        _ code: DiagnosticCode,
        _ what: String,
        _ claim: Claim,
        _ earlier: Claim,
        _ overlap: String
    ) {
        report(
            code,
            "\(what) is claimed twice: by \(earlier.owner), and by \(claim.owner)\(overlap)",
            help: "give one of them another; both would never run at the same time",
            in: claim.file,
            at: claim.span,
            notes: [source(earlier.file).note("first claimed", at: earlier.span)]
        )
    }
}

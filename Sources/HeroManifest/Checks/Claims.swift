internal import HeroModel

extension ManifestSet {
    /// Who binds something.
    private enum Owner {
        case service(Int, UsedAction)
        case action(Int)
    }

    /// Who binds something, and where that is written.
    private struct Claim {
        var owner: Owner
        var file: Int
        var span: Span
        var address: NumericAddress?
        var endpoint: TCPEndpoint?
    }

    /// All claims so far.
    private struct Claims {
        var ports: [UInt16: PortClaims] = [:]
        var sockets: [String: Claim] = [:]
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
        var claims = Claims()
        var isUsed = Array(repeating: false, count: actions.count)
        for number in services.indices where services[number].isNamed {
            let runs = services[number].spec.status != .spec
            for used in usedActions[number] {
                switch used {
                case .inline(let action):
                    guard runs else { continue }
                    let bound = services[number].inlineActions[action].bound
                    claim(bound, by: .service(number, used), in: services[number].file, at: nil, &claims)
                case .document(let document, let reference):
                    isUsed[document] = true
                    guard runs else { continue }
                    let bound = actions[document].bound
                    claim(bound, by: .service(number, used), in: services[number].file, at: reference, &claims)
                }
            }
        }
        // An action document that no service uses may be run by itself.
        for number in actions.indices where !isUsed[number] {
            claim(actions[number].bound, by: .action(number), in: actions[number].file, at: nil, &claims)
        }
    }

    private mutating func claim(
        _ bound: ActionDraft.Bound,
        by owner: Owner,
        in file: Int,
        at reference: Span?,
        _ claims: inout Claims
    ) {
        for (endpoint, span) in bound.ports {
            let claim = Claim(
                owner: owner,
                file: file,
                span: reference ?? span,
                address: endpoint.host.flatMap { NumericAddress($0) },
                endpoint: endpoint
            )
            if let earlier = claims.ports[endpoint.port]?.overlapping(claim.address) {
                let overlap =
                    earlier.endpoint == claim.endpoint
                    ? "" : " (`\(endpoint)` overlaps `\(earlier.endpoint?.description ?? "")`)"
                reportClash(.portClaimedTwice, "TCP port \(endpoint.port)", claim, earlier, overlap)
            } else {
                claims.ports[endpoint.port, default: PortClaims()].add(claim)
            }
        }
        for (path, span) in bound.sockets {
            let claim = Claim(owner: owner, file: file, span: reference ?? span)
            if let earlier = claims.sockets[path] {
                reportClash(.socketClaimedTwice, "the socket \(quoted(path))", claim, earlier, "")
            } else {
                claims.sockets[path] = claim
            }
        }
    }

    private func words(_ owner: Owner) -> String {
        switch owner {
        case .service(let number, let used):
            "`\(services[number].spec.name)`, action `\(name(of: used, in: number))`"
        case .action(let number): "the action `\(actions[number].name)`"
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
            "\(what) is claimed twice: by \(words(earlier.owner)), and by \(words(claim.owner))\(overlap)",
            help: "give one of them another; they cannot run at the same time",
            in: claim.file,
            at: claim.span,
            notes: [source(earlier.file).note("first claimed", at: earlier.span)]
        )
    }
}

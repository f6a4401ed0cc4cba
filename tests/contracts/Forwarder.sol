// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.0;

/// Passes native money on in an inner call: no log, and the transaction is to this contract.
contract Forwarder {
    function forward(address payable to) external payable {
        (bool done,) = to.call{value: msg.value}("");
        require(done, "refused");
    }

    function split(address payable[] calldata to) external payable {
        uint256 share = msg.value / to.length;
        for (uint256 at = 0; at < to.length; at++) {
            (bool done,) = to[at].call{value: share}("");
            require(done, "refused");
        }
    }
}

"""What tests of the running server share: free ports, the node as a process, an MQTT client to script."""

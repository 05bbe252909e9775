"""Records a running rig: devices kept alive, frames kept until they are on the disk, takes that survive a kill."""
